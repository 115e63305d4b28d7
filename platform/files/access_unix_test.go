//go:build unix

package files

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// entry is one of an access list, as linux/posix_acl_xattr.h has it.
func entry(tag, bits uint16, id uint32) []byte {
	b := binary.LittleEndian.AppendUint16(nil, tag)
	b = binary.LittleEndian.AppendUint16(b, bits)
	return binary.LittleEndian.AppendUint32(b, id)
}

func list(entries ...[]byte) []byte {
	return append([]byte{aclVersion, 0, 0, 0}, bytes.Join(entries, nil)...)
}

func TestParseACL(t *testing.T) {
	const none = 1<<32 - 1
	owner, group, other := entry(0x01, 4, none), entry(aclOwningGroup, 0, none), entry(aclOther, 0, none)
	mask := entry(aclMask, 4, none)
	tests := []struct {
		name string
		list []byte
		want os.FileMode
		ok   bool
	}{
		{"as systemd makes it", list(owner, entry(aclUser, 4, 990), group, mask, other), 0, true},
		{"another user", list(owner, entry(aclUser, 4, 991), group, mask, other), 0o040, true},
		{"another user, masked", list(owner, entry(aclUser, 6, 991), group, entry(aclMask, 0, none), other), 0, true},
		{"a group", list(owner, group, entry(aclGroup, 4, 100), mask, other), 0o040, true},
		{"everybody", list(owner, group, mask, entry(aclOther, 4, none)), 0o004, true},
		{"cut", list(owner)[:9], 0, false},
		{"another version", append([]byte{3, 0, 0, 0}, owner...), 0, false},
		{"nothing", nil, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, ok := ParseACL(tt.list)
			got := l.Others(0, 990)
			if got != tt.want || ok != tt.ok {
				t.Errorf("got %v %v, want %v %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}
