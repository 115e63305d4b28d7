package statedir

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"regent/platform/files"
	"regent/platform/layout"
)

const alice = "S-1-5-21-1-2-3-1001"

func TestCheckPrivate(t *testing.T) {
	for _, tt := range []struct{ name, sddl, want string }{
		{"as it is made", layout.StateAccess, ""},
		{"a person's own", "O:" + alice + "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;" + alice + ")", ""},
		{"a stranger's", "O:S-1-5-21-1-2-3-1002D:P(A;OICI;FA;;;SY)", "belongs to S-1-5-21-1-2-3-1002"},
		{"from above", "O:BAD:(A;OICI;FA;;;SY)", "from the directory above"},
		{"users may look", "O:BAD:P(A;OICI;FA;;;SY)(A;;FR;;;BU)", "is open to S-1-5-32-545"},
		{"everybody may write", "O:SYD:P(A;;FW;;;WD)", "is open to S-1-1-0"},
		{"its maker's, below", "O:SYD:P(A;;FA;;;SY)(A;OICIIO;GA;;;CO)", ""},
	} {
		sd, err := windows.SecurityDescriptorFromString(tt.sddl)
		must(t, err)
		access, err := files.ParseDescriptor(sd)
		must(t, err)
		err = checkPrivate("C:\\state", access, alice)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
		if err != nil && !strings.Contains(err.Error(), `icacls "C:\state" /inheritance:r`) {
			t.Errorf("%s: %v does not say what to run", tt.name, err)
		}
	}
}

// TestMakePrivate reads back what a directory was made with.
func TestMakePrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Regent", "state")
	d, err := Open(path)
	must(t, err)
	must(t, d.Close())
	access, err := files.ReadAccess(path)
	must(t, err)
	self, err := files.OwnSID()
	must(t, err)
	must(t, checkPrivate(path, access, self))
}
