package tokenfile

import (
	"encoding/binary"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// The format of the attribute is that of acl(5) and linux/posix_acl_xattr.h: a
// version, then entries of tag, permissions and id.
const (
	listAttribute = "system.posix_acl_access"
	listVersion   = 2
	entrySize     = 8

	tagUser     = 0x02 // a named user
	tagGroupObj = 0x04
	tagGroup    = 0x08 // a named group
	tagMask     = 0x10
	tagOther    = 0x20
)

// accessOfOthers returns what others than the owner and allowed may do with a file. With
// an access list the group's bits of the mode are only the list's mask.
func accessOfOthers(f *os.File, mode fs.FileMode, allowed []int) fs.FileMode {
	list := make([]byte, 64<<10)
	n, err := unix.Fgetxattr(int(f.Fd()), listAttribute, list)
	if err != nil {
		return mode.Perm() & 0o077 // it has none
	}
	open, ok := accessByList(list[:n], allowed)
	if !ok {
		return mode.Perm() & 0o077
	}
	return open
}

// accessByList reads an access list; ok is false for one that it does not know.
func accessByList(list []byte, allowed []int) (open fs.FileMode, ok bool) {
	if len(list) < 4 || (len(list)-4)%entrySize != 0 || binary.LittleEndian.Uint32(list) != listVersion {
		return 0, false
	}
	mask := fs.FileMode(0o7)
	var group, other fs.FileMode
	for e := range slices.Chunk(list[4:], entrySize) {
		bits := fs.FileMode(binary.LittleEndian.Uint16(e[2:])) & 0o7
		id := int(binary.LittleEndian.Uint32(e[4:]))
		switch binary.LittleEndian.Uint16(e) {
		case tagUser:
			if !slices.Contains(allowed, id) {
				group |= bits
			}
		case tagGroupObj, tagGroup:
			group |= bits
		case tagMask:
			mask = bits
		case tagOther:
			other = bits
		}
	}
	return (group&mask)<<3 | other, true
}
