package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// makeMachine makes a root directory of what a device says of itself.
func makeMachine(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestReadFacts(t *testing.T) {
	root := makeMachine(t, map[string]string{
		"etc/machine-id":                         "0123456789abcdef0123456789abcdef\n",
		"sys/class/dmi/id/product_uuid":          "4C4C4544-0051\n",
		"sys/class/net/eth1/device/vendor":       "0x8086\n",
		"sys/class/net/eth1/addr_assign_type":    "0\n",
		"sys/class/net/eth1/address":             "00:16:3e:00:00:02\n",
		"sys/class/net/eth0/device/vendor":       "0x8086\n",
		"sys/class/net/eth0/addr_assign_type":    "0\n",
		"sys/class/net/eth0/address":             "00:16:3e:00:00:01\n",
		"sys/class/net/wlan0/device/vendor":      "0x8086\n",
		"sys/class/net/wlan0/addr_assign_type":   "3\n", // drawn anew for each network
		"sys/class/net/wlan0/address":            "0a:00:00:00:00:01\n",
		"sys/class/net/wlan1/device/vendor":      "0x8086\n",
		"sys/class/net/wlan1/addr_assign_type":   "3\n", // drawn as well, and the kernel knows its own
		"sys/class/net/wlan1/address":            "0a:00:00:00:00:02\n",
		"sys/class/net/docker0/addr_assign_type": "0\n", // no device behind it
		"sys/class/net/docker0/address":          "02:42:00:00:00:01\n",
		"sys/class/net/ib0/device/vendor":        "0x15b3\n",
		"sys/class/net/ib0/addr_assign_type":     "0\n",
		"sys/class/net/ib0/address":              "00:00:00:00:00:00\n",
	})
	var st unix.Stat_t
	if err := unix.Stat(root, &st); err != nil {
		t.Fatal(err)
	}
	udev := filepath.Join(root, fmt.Sprintf("run/udev/data/b%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err := errors.Join(os.MkdirAll(filepath.Dir(udev), 0o755), os.WriteFile(udev, []byte("S:disk/by-id/x\nE:ID_FS_UUID=c0ffee-01\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	want := Facts{
		MachineID: "0123456789abcdef0123456789abcdef", DMI: "4c4c4544-0051", RootFS: "c0ffee-01",
		MACs: []string{"00:16:3e:00:00:01", "00:16:3e:00:00:02", "00:16:3e:00:00:03"},
	}
	if diff := cmp.Diff(readFactsBelow(root, map[string]string{"wlan1": "00:16:3e:00:00:03", "docker0": "02:42:00:00:00:02"}), want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

func TestReadFactsOfBareDevice(t *testing.T) {
	root := makeMachine(t, map[string]string{
		"etc/machine-id":                "uninitialized\n",
		"sys/class/dmi/id/product_uuid": "00000000-0000-0000-0000-000000000000\n",
	})
	if diff := cmp.Diff(readFactsBelow(root, nil), Facts{}); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
	if diff := cmp.Diff(ReadFacts(), ReadFacts()); diff != "" {
		t.Errorf("this machine says one thing and then another:\n%s", diff)
	}
}

func TestFactsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host-facts")
	if _, err := ReadFactsFile(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: got %v", err)
	}
	want := RootFacts{Facts: Facts{MachineID: "m", EK: "e", MACs: []string{"a"}}, CredentialSealer: "tpm2"}
	for range 2 {
		if err := want.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ReadFactsFile(path); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".host-facts.*")); len(left) > 0 || err != nil {
		t.Errorf("left %q, %v", left, err)
	}
	for name, spoil := range map[string]func() error{
		"open to others": func() error { return os.Chmod(path, 0o666) },
		"no JSON":        func() error { return os.WriteFile(path, []byte("{"), 0o600) },
		"a directory":    func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(os.RemoveAll(path))
		must(want.Write(path))
		must(spoil())
		if got, err := ReadFactsFile(path); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
