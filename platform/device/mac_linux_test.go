package device

import (
	"encoding/binary"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// attribute is one of a netlink message's.
func attribute(kind uint16, value string) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// link is what the kernel says of one network link.
func link(kind uint16, attributes ...[]byte) []byte {
	body := make([]byte, syscall.SizeofIfInfomsg)
	for _, a := range attributes {
		body = append(body, a...)
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(syscall.SizeofNlMsghdr+len(body)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, make([]byte, syscall.SizeofNlMsghdr-6)...)
	return append(b, body...)
}

func TestPermanentAddresses(t *testing.T) {
	const mac = "\x00\x16\x3e\x00\x00\x01"
	var links []byte
	for _, l := range [][]byte{
		link(syscall.RTM_NEWLINK, attribute(unix.IFLA_IFNAME, "wlan0\x00"), attribute(unix.IFLA_ADDRESS, "\x0a\x00\x00\x00\x00\x01"), attribute(unix.IFLA_PERM_ADDRESS, mac)),
		link(syscall.RTM_NEWLINK, attribute(unix.IFLA_IFNAME, "lo\x00"), attribute(unix.IFLA_ADDRESS, "\x00\x00\x00\x00\x00\x00")),
		link(syscall.RTM_DELLINK, attribute(unix.IFLA_IFNAME, "gone\x00"), attribute(unix.IFLA_PERM_ADDRESS, mac)),
		link(syscall.RTM_NEWLINK, attribute(unix.IFLA_PERM_ADDRESS, mac)),
	} {
		links = append(links, l...)
	}
	if diff := cmp.Diff(parseLinks(links), map[string]string{"wlan0": "00:16:3e:00:00:01"}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	if diff := cmp.Diff(parseLinks(links[:20]), map[string]string(nil)); diff != "" {
		t.Errorf("cut short, -got +want:\n%s", diff)
	}
	if diff := cmp.Diff(permanentAddresses(), permanentAddresses()); diff != "" {
		t.Errorf("this machine says one thing and then another:\n%s", diff)
	}
}
