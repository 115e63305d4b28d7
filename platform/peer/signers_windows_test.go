package peer

import (
	"errors"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// TestSigners: one verification serves a process for a while, and what is final is
// remembered as much as a signer is.
func TestSigners(t *testing.T) {
	now := time.Unix(0, 0)
	s := NewSigners(func() time.Time { return now })
	asked := 0
	verify := func(err error) func() (Signer, error) {
		return func() (Signer, error) { asked++; return Signer{Certificate: "ab12"}, err }
	}
	unsigned, failed := notTrusted{windows.Errno(windows.TRUST_E_NOSIGNATURE)}, errors.New("no memory")
	one := program{version{1, 2, 3, 4}, 5, 6}
	another := one
	another.pid = 7
	changed := one
	changed.size = 8
	for _, step := range []struct {
		name  string
		p     program
		err   error
		later time.Duration
		asked int
	}{
		{"at first", one, nil, 0, 1},
		{"again", one, nil, 0, 1},
		{"another process", another, unsigned, 0, 2},
		{"again, which is final", another, nil, 0, 2},
		{"another state of the file", changed, failed, 0, 3},
		{"again, which may pass", changed, nil, 0, 4},
		{"just before its end", one, nil, signerLife - 1, 4},
		{"at its end", one, nil, 1, 5},
		{"before it was, by a clock that was set", one, nil, -time.Hour, 6},
	} {
		now = now.Add(step.later)
		if s.of(step.p, verify(step.err)); asked != step.asked {
			t.Errorf("%s: asked %d times, want %d", step.name, asked, step.asked)
		}
	}
	if _, err := s.of(another, verify(nil)); err != nil || asked != 7 {
		t.Errorf("a refusal outlives its time: %v, asked %d times", err, asked)
	}
}

// TestSignersOfMany: however many ask, a program is verified once, and no two are
// at a time.
func TestSignersOfMany(t *testing.T) {
	s := NewSigners(time.Now)
	var mu sync.Mutex
	asked, under := 0, 0
	var failed error
	verify := func() (Signer, error) {
		mu.Lock()
		asked, under = asked+1, under+1
		if under > 1 {
			t.Error("two programs are verified at a time")
		}
		mu.Unlock()
		time.Sleep(time.Millisecond) // in which the others would come, too
		mu.Lock()
		under--
		mu.Unlock()
		return Signer{Certificate: "ab12"}, failed
	}
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			if got, err := s.of(program{pid: i % 4}, verify); err != nil || got.Certificate != "ab12" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	all.Wait()
	if asked != 4 {
		t.Errorf("asked %d times, want 4", asked)
	}
	for i := range 2 * maxSigners {
		s.of(program{pid: i}, verify)
	}
	if len(s.known) > maxSigners {
		t.Errorf("%d programs are remembered, want %d at most", len(s.known), maxSigners)
	}
}
