package device

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
	"golang.org/x/sys/unix"
)

func readLocalFacts() Facts {
	f := readFactsBelow("/", permanentAddresses())
	f.EK = endorsementKey(func() (transport.TPMCloser, error) { return linuxtpm.Open(tpmDevice) })
	return f
}

// readFactsBelow reads the facts below root. permanent has the permanent addresses of
// network cards.
func readFactsBelow(root string, permanent map[string]string) Facts {
	return Facts{
		MachineID: readWord(root, "etc/machine-id"),
		DMI:       strings.ToLower(readWord(root, "sys/class/dmi/id/product_uuid")), // usually readable by root only
		RootFS:    rootFS(root),
		MACs:      permanentMACs(filepath.Join(root, "sys/class/net"), permanent),
	}
}

// readWord returns the content of a file, "" if it is unreadable or a placeholder.
func readWord(elem ...string) string {
	said := readText(elem...)
	if said == "uninitialized" || strings.Trim(said, "0-") == "" {
		return ""
	}
	return said
}

// readText returns the content of a file, "" if it is unreadable.
func readText(elem ...string) string {
	b, err := os.ReadFile(filepath.Join(elem...)) //nolint:gosec // the system's path
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// rootFS returns the UUID of the root file system, from udev's database.
func rootFS(root string) string {
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		return ""
	}
	b, err := os.ReadFile(filepath.Join(root, fmt.Sprintf("run/udev/data/b%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))) //nolint:gosec // a device number from the kernel
	if id := parseUdevUUID(b); err == nil && id != "" {
		return id
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

// parseUdevUUID returns the UUID in udev's record of a block device, "" if it has none.
func parseUdevUUID(record []byte) string {
	for line := range strings.Lines(string(record)) {
		if id, ok := strings.CutPrefix(line, "E:ID_FS_UUID="); ok {
			return strings.TrimRight(id, " \t\r\n")
		}
	}
	return ""
}
