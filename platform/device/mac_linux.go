package device

import (
	"encoding/binary"
	"iter"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// permanentMACs returns the permanent addresses of hardware network cards. It skips bridges,
// tunnels and virtual pairs. permanent maps a card's name to its permanent address, which
// does not depend on later settings. Old kernels do not report it. Then the current address
// counts if nobody has set it.
func permanentMACs(class string, permanent map[string]string) []string {
	entries, err := os.ReadDir(class)
	if err != nil {
		return nil
	}
	var macs []string
	for _, e := range entries {
		physical, own := cardHardwareIn(class, e.Name())
		if !physical {
			continue
		}
		mac := permanent[e.Name()]
		if mac == "" && own {
			mac = readText(class, e.Name(), "address")
		}
		if strings.Trim(mac, "0:") != "" {
			macs = append(macs, mac)
		}
	}
	slices.Sort(macs)
	return slices.Compact(macs)
}

// permanentAddresses asks the kernel for the permanent address of each network card. The
// result is empty if the kernel does not report them.
func permanentAddresses() map[string]string {
	links, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil
	}
	return parseLinks(links)
}

// parseLinks parses the kernel's list of network links.
func parseLinks(links []byte) map[string]string {
	messages, err := syscall.ParseNetlinkMessage(links)
	if err != nil {
		return nil
	}
	found := map[string]string{}
	for _, m := range messages {
		if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < syscall.SizeofIfInfomsg {
			continue
		}
		var name, mac string
		for kind, value := range attributes(m.Data[syscall.SizeofIfInfomsg:]) {
			switch kind {
			case unix.IFLA_IFNAME:
				name = strings.TrimRight(string(value), "\x00")
			case unix.IFLA_PERM_ADDRESS:
				mac = net.HardwareAddr(value).String()
			}
		}
		if name != "" && mac != "" {
			found[name] = mac
		}
	}
	return found
}

// attributes yields the attributes in the body of a netlink message. It stops at one that is
// cut off. The standard library panics if only its padding is missing.
func attributes(body []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(body) >= unix.SizeofRtAttr {
			size := int(binary.NativeEndian.Uint16(body))
			if size < unix.SizeofRtAttr || size > len(body) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(body[2:]), body[unix.SizeofRtAttr:size]) {
				return
			}
			body = body[min(len(body), (size+3)&^3):]
		}
	}
}

const netClass = "/sys/class/net"

// cardHardware reports whether an interface has a hardware device, unlike bridges, tunnels
// and virtual pairs. permanent reports whether its address is the device's own.
func cardHardware(name string) (physical, permanent bool) { return cardHardwareIn(netClass, name) }

func cardHardwareIn(class, name string) (physical, permanent bool) {
	_, err := os.Stat(filepath.Join(class, name, "device"))
	return err == nil, readText(class, name, "addr_assign_type") == "0"
}
