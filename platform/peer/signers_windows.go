package peer

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// signerTTL bounds how long a certificate that has expired meanwhile, or is
	// trusted no more, still counts.
	signerTTL = 5 * time.Minute
	// verifyTimeout is how long a verification is waited for. It goes on.
	verifyTimeout = 10 * time.Second
	// maxSigners is how many programs of one user are remembered, or wait.
	maxSigners = 32
	// maxVerified is how many programs are verified at a time, each another user's.
	maxVerified = 4
)

var (
	errVerifying       = errors.New("its signature is still being verified; ask again")
	errTooManyPrograms = errors.New("too many programs of this user wait to have their signatures verified; ask again")
)

// Signers remembers for a while who signed the programs that run. It is safe for
// concurrent use, and verifies a program once, however many ask. To verify reads
// the whole file, which its user may have made large: the time that takes is that
// user's, whose programs are verified one after another, and nobody else's.
type Signers struct {
	now   func() time.Time
	slots chan struct{} // each holds one that verifies

	mu    sync.Mutex
	users map[string]*userPrograms
}

// userPrograms are one user's.
type userPrograms struct {
	verifying chan struct{} // holds the one that verifies, or is next to
	known     map[program]*verification
}

// NewSigners returns a Signers that knows of none.
func NewSigners(now func() time.Time) *Signers {
	return &Signers{now: now, slots: make(chan struct{}, maxVerified), users: map[string]*userPrograms{}}
}

// program is a file in one state of its content, as one process runs it. Who
// owns a file can set all its times, so they alone prove nothing of the next
// process: of a file that was changed in between.
type program struct {
	version
	pid   int
	start uint64
}

// verification is who signed a program, once done is closed. late is closed when nobody
// waits for that any longer.
type verification struct {
	since           time.Time
	done, abandoned chan struct{}
	signer          Signer
	err             error
}

// signerOf returns who signed a user's program. verify is asked unless that is known, and
// may still be at it after the answer; image is closed once nobody needs it.
func (s *Signers) signerOf(user string, p program, image io.Closer, verify func() (Signer, error)) (Signer, error) {
	u, f, made := s.entry(user, p)
	if made {
		go s.verifyInTurn(u, p, f, image, verify)
	} else {
		_ = image.Close() // it was only read
	}
	if f == nil {
		return Signer{}, errTooManyPrograms
	}
	select {
	case <-f.done:
	case <-f.abandoned:
		if !f.isDone() {
			return Signer{}, errVerifying
		}
	}
	return f.signer, f.err
}

// verifyInTurn has verify asked when it is the program's turn.
func (s *Signers) verifyInTurn(u *userPrograms, p program, f *verification, image io.Closer, verify func() (Signer, error)) {
	late := time.AfterFunc(verifyTimeout, func() { close(f.abandoned) })
	defer late.Stop()
	u.verifying <- struct{}{}
	s.slots <- struct{}{}
	f.signer, f.err = verify()
	<-s.slots
	<-u.verifying
	_ = image.Close() // it was only read
	if _, final := errors.AsType[notTrusted](f.err); f.err != nil && !final {
		s.forget(u, p) // what failed for one caller may work for the next
	}
	close(f.done)
}

// entry returns what is known of a program, or is being found. made says that it is
// for the caller to find; there is no finding if too many of the user's wait.
func (s *Signers) entry(user string, p program) (u *userPrograms, f *verification, made bool) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[user]
	if !ok {
		s.sweep(now)
		u = &userPrograms{verifying: make(chan struct{}, 1), known: map[program]*verification{}}
		s.users[user] = u
	}
	if f, ok := u.known[p]; ok && !f.isExpired(now) {
		return u, f, false
	}
	if len(u.known) >= maxSigners {
		u.forget((*verification).isDone) // a rare event; they are verified again
	}
	if len(u.known) >= maxSigners {
		return u, nil, false
	}
	f = &verification{since: now, done: make(chan struct{}), abandoned: make(chan struct{})}
	u.known[p] = f
	return u, f, true
}

// sweep forgets users of whom nothing is known any longer.
func (s *Signers) sweep(now time.Time) {
	for user, u := range s.users {
		if u.forget(func(f *verification) bool { return f.isExpired(now) }); len(u.known) == 0 {
			delete(s.users, user)
		}
	}
}

func (s *Signers) forget(u *userPrograms, p program) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(u.known, p)
}

func (u *userPrograms) forget(which func(*verification) bool) {
	for p, f := range u.known {
		if which(f) {
			delete(u.known, p)
		}
	}
}

func (f *verification) isDone() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// isExpired reports whether a finding counts no longer.
func (f *verification) isExpired(now time.Time) bool {
	age := now.Sub(f.since)
	return f.isDone() && (age < 0 || age >= signerTTL)
}
