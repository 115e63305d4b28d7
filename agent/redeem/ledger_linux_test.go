package redeem_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"regent/agent/redeem"
)

// TestPartialAppend: a short write leaves no trace. It runs in a
// process of its own, since the limit holds for a whole process.
func TestPartialAppend(t *testing.T) {
	const child = "REGENT_TEST_SHORT_WRITES"
	if os.Getenv(child) == "" {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		if out, err := c.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS")) {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 2)
	good := a.bytes(t)
	for room := 0; room <= 350; room += 35 {
		var err error
		var e redeem.Entry
		limited(t, uint64(len(good)+room), func() { e, err = l.Append(t.Context(), intent("lost")) })
		if !errors.Is(err, syscall.EFBIG) || e.Seq != 0 {
			t.Fatalf("room for %d bytes: got %v, %v, want no entry, %v", room, e, err, syscall.EFBIG)
		}
		if got := a.bytes(t); !bytes.Equal(got, good) {
			t.Fatalf("room for %d bytes: a part was left behind: %q", room, got)
		}
		a.wantEntries(t, l, 2)
	}
	fill(t, l, 1)
	a.wantEntries(t, l, 3)
}

// limited lets f write no file beyond size.
func limited(t *testing.T, size uint64, f func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	now := was
	now.Cur = size
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
	}()
	f()
}

func TestOpenRefusesAFIFO(t *testing.T) {
	a := newLedgerFixture(t)
	if err := syscall.Mkfifo(filepath.Join(a.dir, redeem.LedgerName), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := a.tryOpen(t); !errors.Is(err, redeem.ErrAltered) {
		t.Errorf("got %v, want %v", err, redeem.ErrAltered)
	}
}
