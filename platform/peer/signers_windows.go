package peer

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// signerLife bounds how long a certificate that has expired meanwhile, or is
	// trusted no more, still counts.
	signerLife = 5 * time.Minute
	// signerPatience is how long a verification is waited for. It goes on.
	signerPatience = 10 * time.Second
	// maxSigners is how many programs of one user are remembered, or wait.
	maxSigners = 32
	// maxVerified is how many programs are verified at a time, each another user's.
	maxVerified = 4
)

var (
	errSlow = errors.New("its signature is still being verified; ask again")
	errMany = errors.New("too many programs of this user wait to have their signatures verified; ask again")
)

// Signers remembers for a while who signed the programs that run. It is safe for
// concurrent use, and verifies a program once, however many ask. To verify reads
// the whole file, which its user may have made large: the time that takes is that
// user's, whose programs are verified one after another, and nobody else's.
type Signers struct {
	now   func() time.Time
	slots chan struct{} // each holds one that verifies

	mu    sync.Mutex
	users map[string]*programs
}

// programs are one user's.
type programs struct {
	turn  chan struct{} // holds the one that verifies, or is next to
	known map[program]*finding
}

// NewSigners returns a Signers that knows of none.
func NewSigners(now func() time.Time) *Signers {
	return &Signers{now: now, slots: make(chan struct{}, maxVerified), users: map[string]*programs{}}
}

// program is a file in one state of its content, as one process runs it. Who
// owns a file can set all its times, so they alone prove nothing of the next
// process: of a file that was changed in between.
type program struct {
	version
	pid   int
	start uint64
}

// finding is who signed a program, once done is closed. late is closed when nobody
// waits for that any longer.
type finding struct {
	since      time.Time
	done, late chan struct{}
	signer     Signer
	err        error
}

// of returns who signed a user's program. verify is asked unless that is known, and
// may still be at it after the answer; image is closed once nobody needs it.
func (s *Signers) of(user string, p program, image io.Closer, verify func() (Signer, error)) (Signer, error) {
	u, f, made := s.entry(user, p)
	if made {
		go s.find(u, p, f, image, verify)
	} else {
		_ = image.Close() // it was only read
	}
	if f == nil {
		return Signer{}, errMany
	}
	select {
	case <-f.done:
	case <-f.late:
		if !f.isDone() {
			return Signer{}, errSlow
		}
	}
	return f.signer, f.err
}

// find has verify asked when it is the program's turn.
func (s *Signers) find(u *programs, p program, f *finding, image io.Closer, verify func() (Signer, error)) {
	late := time.AfterFunc(signerPatience, func() { close(f.late) })
	defer late.Stop()
	u.turn <- struct{}{}
	s.slots <- struct{}{}
	f.signer, f.err = verify()
	<-s.slots
	<-u.turn
	_ = image.Close() // it was only read
	if _, final := errors.AsType[notTrusted](f.err); f.err != nil && !final {
		s.forget(u, p) // what failed for one caller may work for the next
	}
	close(f.done)
}

// entry returns what is known of a program, or is being found. made says that it is
// for the caller to find; there is no finding if too many of the user's wait.
func (s *Signers) entry(user string, p program) (u *programs, f *finding, made bool) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[user]
	if !ok {
		s.sweep(now)
		u = &programs{turn: make(chan struct{}, 1), known: map[program]*finding{}}
		s.users[user] = u
	}
	if f, ok := u.known[p]; ok && !f.isOver(now) {
		return u, f, false
	}
	if len(u.known) >= maxSigners {
		u.forget((*finding).isDone) // a rare event; they are verified again
	}
	if len(u.known) >= maxSigners {
		return u, nil, false
	}
	f = &finding{since: now, done: make(chan struct{}), late: make(chan struct{})}
	u.known[p] = f
	return u, f, true
}

// sweep forgets users of whom nothing is known any longer.
func (s *Signers) sweep(now time.Time) {
	for user, u := range s.users {
		if u.forget(func(f *finding) bool { return f.isOver(now) }); len(u.known) == 0 {
			delete(s.users, user)
		}
	}
}

func (s *Signers) forget(u *programs, p program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(u.known, p)
}

func (u *programs) forget(which func(*finding) bool) {
	for p, f := range u.known {
		if which(f) {
			delete(u.known, p)
		}
	}
}

func (f *finding) isDone() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// isOver reports whether a finding counts no longer.
func (f *finding) isOver(now time.Time) bool {
	age := now.Sub(f.since)
	return f.isDone() && (age < 0 || age >= signerLife)
}
