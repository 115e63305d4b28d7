package peer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTrustJudge: what is refused, what is only told, and the command that mends
// it, for programs (root alone), managed policy (root alone, sticky) and what is
// the daemon's (root, its user and its group, sticky).
func TestTrustJudge(t *testing.T) {
	const dir, file, link = unix.S_IFDIR, unix.S_IFREG, unix.S_IFLNK
	programs := Writers{UIDs: []uint32{0}}
	managed := Writers{UIDs: []uint32{0}, Sticky: true}
	ours := Writers{UIDs: []uint32{0, 990}, GIDs: []uint32{0, 991}, Sticky: true, Fixed: true}
	for _, tt := range []struct {
		name    string
		writers Writers
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
		{"sticky on the way", ours, component{mode: dir | 0o1777}, "", false},
		{"sticky at the end", ours, component{mode: dir | 0o1777, last: true}, "chmod o-w", true},
		{"another group's file", ours, component{gid: 4444, mode: file | 0o664}, "chgrp root", false},
		{"another group's file that it may only read", ours, component{gid: 4444, mode: file | 0o644}, "", false},
		{"another group's directory", ours, component{gid: 4444, mode: dir | 0o775}, "chgrp root", false},
		{"another group's, sticky on the way", ours, component{gid: 4444, mode: dir | 0o1775}, "", false},
		{"another group's, and everybody's", ours, component{gid: 4444, mode: dir | 0o777}, "chmod o-w", true},
		{"an access list", ours, component{mode: file | 0o664, acl: true}, "setfacl -b", false},
		{"everybody's directory, mounted read-only", ours, component{mode: dir | 0o777, last: true, fixed: true}, "", false},
		{"another's file, mounted read-only", ours, component{uid: 4444, mode: file | 0o600, fixed: true}, "chown root /p (where it is mounted from: here it is read-only)", true},
		{"managed: everybody's, mounted read-only", managed, component{mode: dir | 0o777, fixed: true}, "chmod go-w /p (where it is mounted from: here it is read-only)", true},
		{"managed: root's group may write", managed, component{mode: file | 0o664}, "chmod g-w", true},
		{"managed: everybody's", managed, component{mode: file | 0o666}, "chmod go-w", true},
		{"managed: the daemon's", managed, component{uid: 990, mode: file | 0o644}, "chown root", true},
		{"managed: sticky on the way", managed, component{mode: dir | 0o1777}, "", false},
		{"program: sticky on the way", programs, component{mode: dir | 0o1777}, "chmod go-w", true},
		{"program: root's group may write", programs, component{mode: file | 0o775}, "chmod g-w", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.seen.path = "/p"
			d, refused := tt.writers.judge(tt.seen)
			got := ""
			if d != nil {
				got = strings.TrimSuffix(d.Command, " /p")
			}
			if got != tt.mend || refused != tt.refused {
				t.Errorf("%v, refused %v; want %q, refused %v", d, refused, tt.mend, tt.refused)
			}
		})
	}
}

// TestTrustWay: each directory and link on the way counts, also of a file that is
// not there yet.
func TestTrustWay(t *testing.T) {
	k := OwnWriters()
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
			check(t, os.MkdirAll(root+"/a/b", 0o755), os.WriteFile(root+"/a/b/file", nil, 0o600), os.Symlink("a/b/file", root+"/link"), os.Chmod(root+"/a", tt.mode))
			told, err := Doubts(filepath.Join(root, tt.path), k)
			d, doubted := errors.AsType[*Doubt](err)
			if doubted != (tt.wrong != "") || doubted && d.Path != root+tt.wrong || err != nil && !doubted || len(told) > 0 {
				t.Errorf("%v, %v; want a doubt about %q", told, err, tt.wrong)
			}
		})
	}
}
