package device

import (
	"os"
	"path/filepath"
	"testing"
)

func TestHardware(t *testing.T) {
	class := t.TempDir()
	for name, kind := range map[string]string{"eth0": "0\n", "wlan0": "3\n", "br0": "3\n"} {
		if err := os.Mkdir(filepath.Join(class, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(class, name, "addr_assign_type"), []byte(kind), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"eth0", "wlan0"} {
		if err := os.Mkdir(filepath.Join(class, name, "device"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name                string
		physical, permanent bool
	}{
		{"eth0", true, true},
		{"wlan0", true, false},
		{"br0", false, false},
		{"gone0", false, false},
	}
	for _, tt := range tests {
		if physical, permanent := cardHardwareIn(class, tt.name); physical != tt.physical || permanent != tt.permanent {
			t.Errorf("%s: got %t, %t, want %t, %t", tt.name, physical, permanent, tt.physical, tt.permanent)
		}
	}
}
