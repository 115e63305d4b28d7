package device

import (
	"os"
	"path/filepath"
	"strings"
)

const netClass = "/sys/class/net"

// cardHardware tells whether an interface has a device behind it, as bridges,
// tunnels and virtual pairs have not, and whether its address is the device's.
func cardHardware(name string) (physical, permanent bool) { return cardHardwareIn(netClass, name) }

func cardHardwareIn(class, name string) (physical, permanent bool) {
	_, err := os.Stat(filepath.Join(class, name, "device"))
	kind, readErr := os.ReadFile(filepath.Join(class, name, "addr_assign_type")) //nolint:gosec // a name from the kernel's list
	return err == nil, readErr == nil && strings.TrimSpace(string(kind)) == "0"
}
