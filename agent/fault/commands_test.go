package fault

import "testing"

func TestCommandsOn(t *testing.T) {
	for _, tt := range []struct{ goos, text, want string }{
		{"linux", "For the cause, run: sudo regent doctor --contract", "For the cause, run: sudo regent doctor --contract"},
		{"windows", "For the cause, run: sudo regent doctor --contract", "For the cause, run: regent doctor --contract"},
		{"windows", "  sudo regent policy\n  sudo regent policy --all\n", "  regent policy\n  regent policy --all\n"},
		{"windows", "delete them: sudo rm token", "delete them: del token"},
		{"windows", "the user who ran sudo", "the user who ran sudo"},
	} {
		if got := CommandsOn(tt.goos, tt.text); got != tt.want {
			t.Errorf("on %s: got %q, want %q", tt.goos, got, tt.want)
		}
	}
}
