package layout

import "testing"

// TestSetAccessCommand: the commands say each list of a directory, entry by entry.
func TestSetAccessCommand(t *testing.T) {
	const reset = `icacls "C:\x y" /setowner *S-1-5-32-544 /L && icacls "C:\x y" /reset /L`
	for list, want := range map[string]string{
		StateAccess:    "*S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F",
		DataAccess:     "*S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-32-545:RX",
		IncomingAccess: "*S-1-5-18:(OI)(CI)F",
	} {
		if got, want := SetAccessCommand(`C:\x y`, list), reset+` && icacls "C:\x y" /inheritance:r /grant:r `+want+" /L"; got != want {
			t.Errorf("%s: got %s, want %s", list, got, want)
		}
	}
	if got := InheritAccessCommand(`C:\x y`); got != reset {
		t.Errorf("what is in it: got %s, want %s", got, reset)
	}
}

// TestRemoveLinkCommand: rmdir refuses a link to a file, and del empties the directory
// that a link is to.
func TestRemoveLinkCommand(t *testing.T) {
	for toDirectory, want := range map[bool]string{true: `rmdir "C:\x y"`, false: `del "C:\x y"`} {
		if got := RemoveLinkCommand(`C:\x y`, toDirectory); got != want {
			t.Errorf("to a directory %t: got %s, want %s", toDirectory, got, want)
		}
	}
}
