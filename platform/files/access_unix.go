//go:build unix

package files

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"syscall"
)

// ModeAccess returns the user id of a file's owner, and the mode bits for everybody else
// (0077). With an access list the group bits are its mask, the maximum for the named users
// and groups.
func ModeAccess(i fs.FileInfo) (owner int, others fs.FileMode, err error) {
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.New("[unexpected] the owner is unknown")
	}
	return int(st.Uid), i.Mode().Perm() & 0o077, nil
}

// Links returns the inode number of a file and the number of its names; 0 if unknown.
func Links(i fs.FileInfo) (inode, names uint64) {
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0
	}
	return st.Ino, uint64(st.Nlink) //nolint:unconvert,nolintlint // 16 or 32 bits on some systems
}

// ACL is a POSIX access list (acl(5)). Rights are those of a mode, from 0 to 7, limited by
// the list's mask.
type ACL struct {
	Group, Other  fs.FileMode // of the owning group, and of all others
	Users, Groups ACLEntries
}

// ACLEntry has the rights of a named user or group.
type ACLEntry struct {
	ID     uint32
	Rights fs.FileMode
}

// ACLEntries are the entries for named users, or those for named groups.
type ACLEntries []ACLEntry

// With returns the ids that have any of the rights.
func (l ACLEntries) With(rights fs.FileMode) (ids []uint32) {
	for _, e := range l {
		if e.Rights&rights != 0 {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// Others returns the rights of everybody except the owner and these users, as mode bits. The
// group bits include all named users and groups.
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

// ACLAttribute is the extended attribute of Linux with the access list.
const ACLAttribute = "system.posix_acl_access"

// The format of the attribute, from linux/posix_acl_xattr.h: a version, then entries of tag,
// rights and id, in little-endian order.
const (
	aclVersion   = 2
	aclEntrySize = 8

	aclUser        = 0x02 // a named user
	aclOwningGroup = 0x04
	aclGroup       = 0x08 // a named group
	aclMask        = 0x10
	aclOther       = 0x20
)

// ReadACL parses the access list that get reads into a buffer: fgetxattr(2) of
// [ACLAttribute]. It returns false if there is no list, or its format is unknown. Then the
// mode applies.
func ReadACL(get func(list []byte) (int, error)) (ACL, bool) {
	list := make([]byte, 64<<10)
	n, err := get(list)
	if err != nil {
		return ACL{}, false
	}
	return ParseACL(list[:n])
}

// ParseACL parses an access list in the kernel's format. It returns false if the format is
// unknown.
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
