package hostfacts

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func read(root string) Facts {
	return Facts{
		MachineID: word(root, "etc/machine-id"),
		DMI:       strings.ToLower(word(root, "sys/class/dmi/id/product_uuid")), // root's alone, as a rule
		RootFS:    rootFS(root),
		MACs:      cards(filepath.Join(root, "sys/class/net")),
	}
}

// word returns what a file says; "" if it cannot be read, or says that nothing is
// known.
func word(elem ...string) string {
	b, err := os.ReadFile(filepath.Join(elem...)) //nolint:gosec // where the system keeps it
	text := strings.TrimSpace(string(b))
	if err != nil || text == "uninitialized" || strings.Trim(text, "0-") == "" {
		return ""
	}
	return text
}

// cards lists the permanent addresses of network cards that are devices. Bridges,
// tunnels and virtual pairs have none, and an address that was set or drawn is
// not the card's.
func cards(class string) []string {
	entries, err := os.ReadDir(class)
	if err != nil {
		return nil
	}
	var macs []string
	for _, e := range entries {
		dir := filepath.Join(class, e.Name())
		if _, err := os.Stat(filepath.Join(dir, "device")); err != nil {
			continue
		}
		if kind, err := os.ReadFile(filepath.Join(dir, "addr_assign_type")); err != nil || strings.TrimSpace(string(kind)) != "0" { //nolint:gosec // a name from the kernel's list
			continue
		}
		if mac := word(dir, "address"); strings.Trim(mac, "0:") != "" {
			macs = append(macs, mac)
		}
	}
	slices.Sort(macs)
	return slices.Compact(macs)
}

// rootFS returns the UUID of the root file system, as udev found it.
func rootFS(root string) string {
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(root, fmt.Sprintf("run/udev/data/b%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))) //nolint:gosec // a device number from the kernel
	if err == nil {
		for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
			if id, ok := strings.CutPrefix(sc.Text(), "E:ID_FS_UUID="); ok {
				return id
			}
		}
	}
	links, err := filepath.Glob(filepath.Join(root, "dev/disk/by-uuid/*"))
	if err != nil {
		return ""
	}
	for _, link := range links {
		var dev unix.Stat_t
		if err := unix.Stat(link, &dev); err == nil && dev.Rdev == st.Dev {
			return filepath.Base(link)
		}
	}
	return ""
}
