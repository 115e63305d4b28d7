//go:build unix

package files

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// ModeAccess returns the number of the user who owns a file, and the bits of its mode
// for everybody else (0077). With an access list the group's bits are its mask: nobody
// whom it names may do more.
func ModeAccess(i fs.FileInfo) (owner int, others fs.FileMode, err error) {
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.New("[unexpected] the system does not tell its owner")
	}
	return int(st.Uid), i.Mode().Perm() & 0o077, nil
}

// Links returns the number of a file and of its names; 0 where the system does not tell.
func Links(i fs.FileInfo) (inode, names uint64) {
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return st.Ino, uint64(st.Nlink) //nolint:unconvert,nolintlint // 16 or 32 bits on some systems
}

// ACL is a POSIX access list, as acl(5) describes it. Rights are those of a mode, from
// 0 to 7, and what the list's mask takes away is left out.
type ACL struct {
	Group, Other  fs.FileMode // of the owning group, and of everybody who is not named
	Users, Groups ACLEntries
}

// ACLEntry is the rights of a user or a group whom an access list names.
type ACLEntry struct {
	ID     uint32
	Rights fs.FileMode
}

// ACLEntries are those of one kind.
type ACLEntries []ACLEntry

// With returns who has any of the rights.
func (l ACLEntries) With(rights fs.FileMode) (ids []uint32) {
	for _, e := range l {
		if e.Rights&rights != 0 {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// Others returns what others than the owner and these users may do, as the bits of a
// mode: those of a group stand for whom the list names.
func (l ACL) Others(users ...int) fs.FileMode {
	group := l.Group
	for _, e := range l.Groups {
		group |= e.Rights
	}
	for _, e := range l.Users {
		if !slices.Contains(users, int(e.ID)) {
			group |= e.Rights
		}
	}
	return group<<3 | l.Other
}

// ACLAttribute is the extended attribute of Linux that holds an access list.
const ACLAttribute = "system.posix_acl_access"

// The form of the attribute, from linux/posix_acl_xattr.h: a version, then entries of
// tag, rights and id, with the lowest byte first.
const (
	aclVersion   = 2
	aclEntrySize = 8

	aclUser        = 0x02 // a named user
	aclOwningGroup = 0x04
	aclGroup       = 0x08 // a named group
	aclMask        = 0x10
	aclOther       = 0x20
)

// ReadACL returns an access list that get reads into a buffer: fgetxattr(2) for
// [ACLAttribute]. It reports false if there is none, or one of an unknown form: then
// the mode says who may do what.
func ReadACL(get func(list []byte) (int, error)) (ACL, bool) {
	list := make([]byte, 64<<10)
	n, err := get(list)
	if err != nil {
		return ACL{}, false
	}
	return ParseACL(list[:n])
}

// ParseACL reads an access list as the kernel gives it, and reports false for one of an
// unknown form.
func ParseACL(list []byte) (l ACL, ok bool) {
	if len(list) < 4 || (len(list)-4)%aclEntrySize != 0 || binary.LittleEndian.Uint32(list) != aclVersion {
		return ACL{}, false
	}
	mask := fs.FileMode(0o7)
	for e := range slices.Chunk(list[4:], aclEntrySize) {
		if binary.LittleEndian.Uint16(e) == aclMask {
			mask = fs.FileMode(e[2]) & 0o7
		}
	}
	for e := range slices.Chunk(list[4:], aclEntrySize) {
		rights, id := fs.FileMode(e[2])&0o7, binary.LittleEndian.Uint32(e[4:])
		switch binary.LittleEndian.Uint16(e) {
		case aclUser:
			l.Users = append(l.Users, ACLEntry{id, rights & mask})
		case aclOwningGroup:
			l.Group = rights & mask
		case aclGroup:
			l.Groups = append(l.Groups, ACLEntry{id, rights & mask})
		case aclOther:
			l.Other = rights
		}
	}
	return l, true
}
