package peer

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"regent/platform/files"
)

// TestTrustedWritersCheck: what is refused, what is only told, and the command that mends
// it, for programs (root alone), managed policy (root alone, sticky) and what is
// the daemon's (root, its user and its group, sticky).
func TestTrustedWritersCheck(t *testing.T) {
	const dir, file, link = unix.S_IFDIR, unix.S_IFREG, unix.S_IFLNK
	programs := TrustedWriters{UIDs: []uint32{0}}
	managed := TrustedWriters{UIDs: []uint32{0}, AllowSticky: true}
	ours := TrustedWriters{UIDs: []uint32{0, 990}, GIDs: []uint32{0, 991}, AllowSticky: true, AllowReadOnlyMount: true}
	for _, tt := range []struct {
		name    string
		writers TrustedWriters
		seen    component
		mend    string // "" if nothing is wrong
		refused bool
	}{
		{"root's file", ours, component{mode: file | 0o644}, "", false},
		{"the daemon's file", ours, component{uid: 990, gid: 991, mode: file | 0o664}, "", false},
		{"root's group may write", ours, component{mode: file | 0o664}, "", false},
		{"another's file", ours, component{uid: 4444, mode: file | 0o600}, "chown root", true},
		{"another's directory", ours, component{uid: 4444, mode: dir | 0o755}, "chown root", true},
		{"another's sticky directory", ours, component{uid: 4444, mode: dir | 0o1777}, "chown root", true},
		{"another's link", ours, component{uid: 4444, mode: link | 0o777}, "chown -h root", true},
		{"root's link", ours, component{mode: link | 0o777}, "", false},
		{"everybody's file", ours, component{mode: file | 0o606}, "chmod o-w", true},
		{"everybody's directory", ours, component{mode: dir | 0o777}, "chmod o-w", true},
		{"a socket, at which anybody may connect", programs, component{mode: unix.S_IFSOCK | 0o666, last: true}, "", false},
		{"a socket of another's", programs, component{uid: 4444, mode: unix.S_IFSOCK | 0o666, last: true}, "chown root", true},
		{"sticky on the way", ours, component{mode: dir | 0o1777}, "", false},
		{"sticky at the end", ours, component{mode: dir | 0o1777, last: true}, "chmod o-w", true},
		{"another group's file", ours, component{gid: 4444, mode: file | 0o664}, "chgrp root", false},
		{"another group's file that it may only read", ours, component{gid: 4444, mode: file | 0o644}, "", false},
		{"another group's directory", ours, component{gid: 4444, mode: dir | 0o775}, "chgrp root", false},
		{"another group's, sticky on the way", ours, component{gid: 4444, mode: dir | 0o1775}, "", false},
		{"another group's, and everybody's", ours, component{gid: 4444, mode: dir | 0o777}, "chmod o-w", true},
		{"an access list lets another user write", ours, rootComponent(file|0o664, 2, 6, 4444, 0x10, 6, noID16), "setfacl -x u:4444", true},
		{"an access list on a directory", ours, rootComponent(dir|0o775, 2, 7, 4444, 0x10, 7, noID16), "setfacl -x u:4444", true},
		{"an access list lets the daemon write", ours, rootComponent(file|0o664, 2, 6, 990, 8, 6, 991, 0x10, 6, noID16), "", false},
		{"an access list lets others read", ours, rootComponent(file|0o664, 2, 4, 4444, 8, 5, 4444, 0x10, 6, noID16), "", false},
		{"an access list whose mask lets nobody write", ours, rootComponent(file|0o664, 2, 6, 4444, 0x10, 4, noID16), "", false},
		{"an access list lets another group write", ours, rootComponent(file|0o664, 8, 6, 4444, 0x10, 6, noID16), "setfacl -x g:4444", false},
		{"an access list lets another group's own only read", ours, withGroup(4444, rootComponent(file|0o664, 4, 4, noID16, 8, 6, 991, 0x10, 6, noID16)), "", false},
		{"an access list lets another group's own write", ours, withGroup(4444, rootComponent(file|0o664, 4, 6, noID16, 0x10, 6, noID16)), "chgrp root", false},
		{"an access list, sticky on the way", ours, rootComponent(dir|0o1775, 2, 7, 4444, 0x10, 7, noID16), "", false},
		{"managed: an access list lets a group write", managed, rootComponent(file|0o664, 8, 6, 4444, 0x10, 6, noID16), "setfacl -x g:4444", true},
		{"managed: an access list lets a user write", managed, rootComponent(file|0o664, 2, 6, 4444, 0x10, 6, noID16), "setfacl -x u:4444", true},
		{"everybody's directory, mounted read-only", ours, component{mode: dir | 0o777, last: true, readOnlyMount: true}, "", false},
		{"another's file, mounted read-only", ours, component{uid: 4444, mode: file | 0o600, readOnlyMount: true}, "chown root /p (at the source of the mount: here it is read-only)", true},
		{"managed: everybody's, mounted read-only", managed, component{mode: dir | 0o777, readOnlyMount: true}, "chmod go-w /p (at the source of the mount: here it is read-only)", true},
		{"managed: root's group may write", managed, component{mode: file | 0o664}, "chmod g-w", true},
		{"managed: everybody's", managed, component{mode: file | 0o666}, "chmod go-w", true},
		{"managed: the daemon's", managed, component{uid: 990, mode: file | 0o644}, "chown root", true},
		{"managed: sticky on the way", managed, component{mode: dir | 0o1777}, "", false},
		{"program: sticky on the way", programs, component{mode: dir | 0o1777}, "chmod go-w", true},
		{"program: root's group may write", programs, component{mode: file | 0o775}, "chmod g-w", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.seen.path = "/p"
			d, refused := tt.writers.check(tt.seen)
			got := ""
			if d != nil {
				got = strings.TrimSuffix(d.FixCommand, " /p")
			}
			if got != tt.mend || refused != tt.refused {
				t.Errorf("%v, refused %v; want %q, refused %v", d, refused, tt.mend, tt.refused)
			}
		})
	}
}

// noID16 is the id of an entry that names nobody.
const noID16 = 0xffffffff

// accessList has the kernel's form of entries of tag, permissions and id.
func accessList(entries ...uint32) []byte {
	list := []byte{2, 0, 0, 0}
	for e := range slices.Chunk(entries, 3) {
		list = binary.LittleEndian.AppendUint16(list, uint16(e[0]))
		list = binary.LittleEndian.AppendUint16(list, uint16(e[1]))
		list = binary.LittleEndian.AppendUint32(list, e[2])
	}
	return list
}

// rootComponent is what root owns, with an access list.
func rootComponent(mode uint16, entries ...uint32) component {
	c := component{mode: mode}
	list, _ := files.ParseACL(accessList(entries...))
	c.apply(list)
	return c
}

func withGroup(gid uint32, c component) component {
	c.gid = gid
	return c
}

// TestTrustAccessList: who an access list of a real file lets write is refused, and a
// list that lets nobody write is no matter.
func TestTrustAccessList(t *testing.T) {
	k := DefaultWriters()
	for _, tt := range []struct {
		name           string
		user, mask     uint32
		owner, refused bool
	}{
		{"writes", 6, 6, false, true},
		{"only reads", 4, 6, false, false},
		{"may not by the mask", 6, 4, false, false},
		{"is root", 6, 6, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(openDir(t), "file")
			mustSucceed(t, os.WriteFile(name, nil, 0o600))
			uid := uint32(4444)
			if tt.owner {
				uid = 0
			}
			list := accessList(1, 6, noID16, 2, tt.user, uid, 4, 4, noID16, 0x10, tt.mask, noID16, 0x20, 4, noID16)
			if err := unix.Setxattr(name, "system.posix_acl_access", list, 0); err != nil {
				t.Skipf("no access lists on this file system: %v", err)
			}
			told, err := CheckPath(name, k)
			if len(told) > 0 || (err != nil) != tt.refused || err != nil && !strings.HasSuffix(err.Error(), "run: setfacl -x u:4444 "+name) {
				t.Errorf("%v, %v; want refused %v", told, err, tt.refused)
			}
		})
	}
}

// TestTrustPathComponents: each directory and link on the way counts, also of a file that is
// not there yet.
func TestTrustPathComponents(t *testing.T) {
	k := DefaultWriters()
	for _, tt := range []struct {
		name, path string
		mode       os.FileMode // of /a
		wrong      string      // the path that is named; "" for none
	}{
		{"sound", "/a/b/file", 0o755, ""},
		{"a directory above", "/a/b/file", 0o777, "/a"},
		{"sticky above", "/a/b/file", 0o777 | os.ModeSticky, ""},
		{"a link through it", "/link", 0o777, "/a"},
		{"a file that is missing", "/a/b/none", 0o777, "/a"},
		{"a directory that is read whole", "/a", 0o777 | os.ModeSticky, "/a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := openDir(t)
			mustSucceed(t, os.MkdirAll(root+"/a/b", 0o755), os.WriteFile(root+"/a/b/file", nil, 0o600), os.Symlink("a/b/file", root+"/link"), os.Chmod(root+"/a", tt.mode))
			told, err := CheckPath(filepath.Join(root, tt.path), k)
			d, doubted := errors.AsType[*UntrustedPath](err)
			if doubted != (tt.wrong != "") || doubted && d.Path != root+tt.wrong || err != nil && !doubted || len(told) > 0 {
				t.Errorf("%v, %v; want a doubt about %q", told, err, tt.wrong)
			}
		})
	}
}
