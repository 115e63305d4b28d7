package windowsnames

import "testing"

// TestSetAccess: the commands say each list of a directory, entry by entry.
func TestSetAccess(t *testing.T) {
	const reset = `icacls "C:\x y" /setowner *S-1-5-32-544 && icacls "C:\x y" /reset`
	for list, want := range map[string]string{
		StateAccess:    "*S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F",
		DataAccess:     "*S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-32-545:RX",
		IncomingAccess: "*S-1-5-18:(OI)(CI)F",
	} {
		if got, want := SetAccess(`C:\x y`, list), reset+` && icacls "C:\x y" /inheritance:r /grant:r `+want; got != want {
			t.Errorf("%s: got %s, want %s", list, got, want)
		}
	}
	if got := InheritAccess(`C:\x y`); got != reset {
		t.Errorf("what is in it: got %s, want %s", got, reset)
	}
}
