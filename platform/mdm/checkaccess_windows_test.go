package mdm

import (
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"regent/platform/files"
)

func TestCheckAdministratorsOnly(t *testing.T) {
	for _, tt := range []struct {
		name, sddl, want string // "" for no error
	}{
		{"as ProgramData should be made", "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FRFX;;;BU)", ""},
		{"SYSTEM's", "O:SYD:(A;;FA;;;SY)", ""},
		{"a user's", "O:S-1-5-21-1-2-3-1001D:(A;;FA;;;BA)", "belongs to S-1-5-21-1-2-3-1001"},
		{"users may write", "O:BAD:(A;;FA;;;BA)(A;;FW;;;BU)", "writable by S-1-5-32-545"},
		{"everyone may add", "O:BAD:(A;;FA;;;BA)(A;;0x4;;;WD)", "writable by S-1-1-0"},
		{"a user may change the list", "O:BAD:(A;;FA;;;BA)(A;;WD;;;AU)", "writable by S-1-5-11"},
		{"a user may delete", "O:BAD:(A;;FA;;;BA)(A;;SD;;;BU)", "writable by S-1-5-32-545"},
		{"what is made in it is its maker's", "O:BAD:(A;;FA;;;BA)(A;OICIIO;GA;;;CO)", ""},
		{"denied", "O:BAD:(D;;FA;;;BU)(A;;FA;;;BA)(A;;FR;;;BU)", ""},
		{"no list", "O:BA", "open to everybody"},
	} {
		sd, err := windows.SecurityDescriptorFromString(tt.sddl)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		access, err := files.ParseDescriptor(sd)
		if err == nil {
			err = checkAdministratorsOnly(`C:\p q`, access)
		}
		if err != nil && strings.Contains(err.Error(), "icacls") && !strings.Contains(err.Error(), `icacls "C:\p q" /`) {
			t.Errorf("%s: %v; want a command that can be run", tt.name, err)
		}
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestCheckAdministratorsOnlyOfFile(t *testing.T) {
	if err := CheckAdministratorsOnly(t.TempDir() + `\missing`); err == nil {
		t.Error("a missing file: no error")
	}
}
