package tokenfile

import (
	"io/fs"
	"strings"
	"testing"
)

func TestCheckMode(t *testing.T) {
	tests := []struct {
		name string
		mode fs.FileMode
		uid  int
		want string // part of the refusal; "" is accepted
	}{
		{"root's", 0o600, 0, ""},
		{"root's, read-only", 0o400, 0, ""},
		{"its own", 0o600, 990, ""},
		{"the person's behind sudo", 0o600, 1000, ""},
		{"a stranger's", 0o600, 1001, "belongs to user 1001, so anybody could have put it there; run: sudo chown root F"},
		{"group reads", 0o640, 0, "has mode 0640, so others can read it; run: chmod 600 F"},
		{"all read", 0o644, 0, "has mode 0644, so others can read it"},
		{"group writes", 0o620, 0, "has mode 0620, so others can change it"},
		{"all write", 0o602, 0, "has mode 0602, so others can change it"},
		{"all run", 0o611, 0, "has mode 0611, so others can run it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			wantError(t, checkMode("F", tt.mode, tt.mode&0o077, tt.uid, []int{990, 1000}, false), tt.want)
		})
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("got %v, want %q", err, want)
	}
}
