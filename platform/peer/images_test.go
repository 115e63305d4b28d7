package peer

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// The users of these tests.
const (
	alice = "S-1-5-21-1-2-3-1001"
	bob   = "S-1-5-21-1-2-3-1002"
	carol = "S-1-5-21-1-2-3-1003"
)

// untrusted is final.
type untrusted struct{}

func (untrusted) Error() string { return "not trusted" }
func (untrusted) final()        {}

// closeCounter counts how often an image was closed.
type closeCounter struct{ atomic.Int32 }

func (c *closeCounter) Close() error { c.Add(1); return nil }

// TestImages: one look serves a process for a while, and what is final is
// remembered as much as a signer is.
func TestImages(t *testing.T) {
	now := time.Unix(0, 0)
	s := newImageCache[Signer](func() time.Time { return now })
	asked := 0
	image := new(closeCounter)
	verify := func(err error) func() (Signer, error) {
		return func() (Signer, error) { asked++; return Signer{Certificate: "ab12"}, err }
	}
	unsigned, failed := untrusted{}, errors.New("no memory")
	one := program{version{1, 2, 3, 4}, 5, 6}
	another := one
	another.pid = 7
	changed := one
	changed.size = 8
	for i, step := range []struct {
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
		{"just before its end", one, nil, imageTTL - 1, 4},
		{"at its end", one, nil, 1, 5},
		{"before it was, by a clock that was set", one, nil, -time.Hour, 6},
	} {
		now = now.Add(step.later)
		if s.get(alice, step.p, image, verify(step.err)); asked != step.asked {
			t.Errorf("%s: asked %d times, want %d", step.name, asked, step.asked)
		}
		if got := int(image.Load()); got != i+1 {
			t.Errorf("%s: images were closed %d times, want %d", step.name, got, i+1)
		}
	}
	if _, err := s.get(alice, another, image, verify(nil)); err != nil || asked != 7 {
		t.Errorf("a refusal outlives its time: %v, asked %d times", err, asked)
	}
}

// fakeSystem verifies programs for as long as a test likes.
type fakeSystem struct {
	takes             time.Duration
	mu                sync.Mutex
	asked, now, atOne int // how often, how many are under way, and were at most
}

func (w *fakeSystem) verify() (Signer, error) {
	w.count(1)
	defer w.count(-1)
	time.Sleep(w.takes)
	return Signer{Certificate: "ab12"}, nil
}

func (w *fakeSystem) count(by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now += by
	w.asked += max(by, 0)
	w.atOne = max(w.atOne, w.now)
}

// TestImagesOfMany: however many ask, a program is verified once, no two of one
// user's at a time, and of all no more than a few.
func TestImagesOfMany(t *testing.T) {
	for _, tt := range []struct{ users, programs, atOne int }{
		{1, 8, 1},
		{3, 2, 3},
		{20, 1, maxAtOnce},
	} {
		t.Run(fmt.Sprintf("%d users", tt.users), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newImageCache[Signer](time.Now)
				system, image := &fakeSystem{takes: time.Second}, new(closeCounter)
				var all sync.WaitGroup
				for i := range 5 * tt.users * tt.programs {
					all.Go(func() {
						user, p := fmt.Sprint(i%tt.users), program{pid: i % (tt.users * tt.programs)}
						if got, err := s.get(user, p, image, system.verify); err != nil || got.Certificate != "ab12" {
							t.Errorf("got %+v, %v", got, err)
						}
					})
				}
				all.Wait()
				if want := tt.users * tt.programs; system.asked != want || system.atOne != tt.atOne {
					t.Errorf("asked %d times, %d at a time, want %d and %d", system.asked, system.atOne, want, tt.atOne)
				}
			})
		})
	}
}

// TestImageTimeout: who waits for a file that is slow to read is answered in time,
// and nobody else waits for it.
func TestImageTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newImageCache[Signer](time.Now)
		slow, quick := &fakeSystem{takes: time.Minute}, new(fakeSystem)
		took := func(user string, pid int, system *fakeSystem, want error) time.Duration {
			began := time.Now()
			if _, err := s.get(user, program{pid: pid}, new(closeCounter), system.verify); !errors.Is(err, want) {
				t.Errorf("%s's program %d: got %v, want %v", user, pid, err, want)
			}
			return time.Since(began)
		}
		for _, step := range []struct {
			name, user string
			pid        int
			system     *fakeSystem
			err        error
			takes      time.Duration
		}{
			{"a slow program", alice, 1, slow, errReading, imageTimeout},
			{"asked again", alice, 1, slow, errReading, imageTimeout},
			{"another user's", bob, 2, quick, nil, 0},
			{"another of the same user's", alice, 3, quick, errReading, imageTimeout},
		} {
			if got := took(step.user, step.pid, step.system, step.err); got != step.takes {
				t.Errorf("%s: answered after %v, want %v", step.name, got, step.takes)
			}
		}
		time.Sleep(time.Minute)
		for pid, system := range map[int]*fakeSystem{1: slow, 3: quick} {
			if got := took(alice, pid, system, nil); got != 0 {
				t.Errorf("program %d: answered after %v, though it was verified meanwhile", pid, got)
			}
		}
		if slow.asked != 1 {
			t.Errorf("the slow program was verified %d times, want once", slow.asked)
		}
	})
}

// TestManyPrograms: a user has so many remembered, and so many waiting, which are
// another's no loss.
func TestManyPrograms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newImageCache[Signer](time.Now)
		quick, slow, image := new(fakeSystem), &fakeSystem{takes: time.Minute}, new(closeCounter)
		s.get(bob, program{pid: -1}, image, quick.verify)
		for i := range 2 * maxImages {
			s.get(alice, program{pid: i}, image, quick.verify)
			if n := len(s.users[alice].known); n > maxImages {
				t.Fatalf("%d programs are remembered, want %d at most", n, maxImages)
			}
		}
		if s.get(bob, program{pid: -1}, image, quick.verify); quick.asked != 2*maxImages+1 {
			t.Errorf("bob's program was forgotten for alice's: asked %d times", quick.asked)
		}
		for i := range maxImages {
			go s.get(alice, program{pid: 1000 + i}, image, slow.verify)
		}
		synctest.Wait()
		closed := image.Load()
		if _, err := s.get(alice, program{pid: 2000}, image, slow.verify); !errors.Is(err, errTooManyPrograms) || image.Load() != closed+1 {
			t.Errorf("one more than may wait: got %v, want %v, and its image closed", err, errTooManyPrograms)
		}
		if _, err := s.get(bob, program{pid: 2001}, image, quick.verify); err != nil {
			t.Errorf("bob's, while alice's wait: %v", err)
		}
		time.Sleep(maxImages*time.Minute + imageTTL)
		if s.get(carol, program{pid: 1}, image, quick.verify); len(s.users) != 1 {
			t.Errorf("%d users are remembered, want the last", len(s.users))
		}
	})
}
