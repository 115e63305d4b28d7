package layout

import "testing"

// TestSetAccess: the commands say each list of a directory, entry by entry.
func TestSetAccess(t *testing.T) {
	const reset = `icacls "C:\x y" /setowner *S-1-5-32-544 /L && icacls "C:\x y" /reset /L`
	for list, want := range map[string]string{
		StateAccess:    "*S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F",
		DataAccess:     "*S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-32-545:RX",
		IncomingAccess: "*S-1-5-18:(OI)(CI)F",
	} {
		if got, want := SetAccess(`C:\x y`, list), reset+` && icacls "C:\x y" /inheritance:r /grant:r `+want+" /L"; got != want {
			t.Errorf("%s: got %s, want %s", list, got, want)
		}
	}
	if got := InheritAccess(`C:\x y`); got != reset {
		t.Errorf("what is in it: got %s, want %s", got, reset)
	}
}

// TestRemoveLink: rmdir refuses a link to a file, and del empties the directory
// that a link is to.
func TestRemoveLink(t *testing.T) {
	for toDirectory, want := range map[bool]string{true: `rmdir "C:\x y"`, false: `del "C:\x y"`} {
		if got := RemoveLink(`C:\x y`, toDirectory); got != want {
			t.Errorf("to a directory %t: got %s, want %s", toDirectory, got, want)
		}
	}
}
