package device

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// FuzzRootFacts: what root has noted is read whole or not at all, and read again as
// it was when it is written again.
func FuzzRootFacts(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "host-facts")
		if err := os.WriteFile(path, content, 0o644); err != nil { // as root makes it
			t.Fatal(err)
		}
		noted, err := ReadFactsFile(path)
		if err != nil {
			if diff := cmp.Diff(noted, RootFacts{}); diff != "" {
				t.Errorf("with %v:\n%s", err, diff)
			}
			return
		}
		if len(content) <= maxFile && !json.Valid(content) {
			t.Errorf("%q was read", content)
		}
		if err := noted.Write(path); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFactsFile(path)
		if diff := cmp.Diff(again, noted, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%v, -again +before:\n%s", err, diff)
		}
	})
}

// FuzzParseLinks: whatever the kernel's message says, each card that is found
// has a name and an address in its usual form.
func FuzzParseLinks(f *testing.F) {
	f.Fuzz(func(t *testing.T, links []byte) {
		for name, mac := range parseLinks(links) {
			if name == "" || mac == "" || strings.Trim(mac, "0123456789abcdef:") != "" {
				t.Errorf("%q has %q", name, mac)
			}
		}
	})
}

// FuzzUdev: the identity of the root file system is one line of udev's record,
// or not known.
func FuzzUdev(f *testing.F) {
	f.Fuzz(func(t *testing.T, record []byte) {
		id := parseUdevUUID(record)
		if strings.ContainsAny(id, "\n") || id != "" && !strings.Contains(string(record), "E:ID_FS_UUID="+id) {
			t.Errorf("%q was read of %q", id, record)
		}
	})
}
