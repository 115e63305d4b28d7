package peer

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Find sees the same process that Of sees over a connection.
func TestFind(t *testing.T) {
	o := start(t, copySelf(t, filepath.Join(t.TempDir(), "cad")), nil)
	want := peerOf(t, o)
	got, err := Find(want.PID)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if diff := cmp.Diff(got.Identity, want.Identity); diff != "" {
		t.Errorf("Find (-), Of (+):\n%s", diff)
	}
	if err := got.Recheck(); err != nil {
		t.Error(err)
	}
}

func TestOpen(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	st, err := readStat(pid)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Open(pid, st.start)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := Open(pid, st.start+1); !errors.Is(err, ErrGone) {
		t.Errorf("another start time: %v", err)
	}
	if err := errors.Join(p.Alive(), cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if err := p.Alive(); !errors.Is(err, ErrGone) {
		t.Errorf("Alive after its end: %v", err)
	}
	for _, f := range []func() error{
		func() error { _, err := Open(pid, st.start); return err },
		func() error { _, err := Find(pid); return err },
		func() error { _, err := Find(-1); return err },
	} {
		if err := f(); !errors.Is(err, ErrGone) {
			t.Errorf("after its end: %v", err)
		}
	}
}

func FuzzStatus(f *testing.F) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		uid, gids, err := parseStatus(b)
		if err == nil && (uid == "" || len(gids) == 0) {
			t.Errorf("uid %q, groups %q without an error", uid, gids)
		}
	})
}
