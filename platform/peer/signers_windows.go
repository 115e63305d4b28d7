package peer

import (
	"errors"
	"sync"
	"time"
)

const (
	maxSigners = 256
	// signerLife bounds how long a certificate that has expired meanwhile, or is
	// trusted no more, still counts.
	signerLife = 5 * time.Minute
)

// Signers remembers for a while who signed the programs that run. It is safe for
// concurrent use, and verifies one program at a time, once however many ask.
type Signers struct {
	now func() time.Time

	turn  sync.Mutex // whose program is verified
	mu    sync.Mutex
	known map[program]*finding
}

// NewSigners returns a Signers that knows of none.
func NewSigners(now func() time.Time) *Signers {
	return &Signers{now: now, known: map[program]*finding{}}
}

// program is a file in one state of its content, as one process runs it. Who
// owns a file can set all its times, so they alone prove nothing of the next
// process: of a file that was changed in between. While a file runs nobody writes
// to it.
type program struct {
	version
	pid   int
	start uint64
}

type finding struct {
	since  time.Time
	once   sync.Once
	signer Signer
	err    error
}

// of returns who signed a program. verify is asked unless that is known.
func (s *Signers) of(p program, verify func() (Signer, error)) (Signer, error) {
	f := s.entry(p)
	f.once.Do(func() {
		s.turn.Lock()
		defer s.turn.Unlock()
		f.signer, f.err = verify()
	})
	if _, final := errors.AsType[notTrusted](f.err); f.err != nil && !final {
		s.forget(p, f) // what failed for one caller may work for the next
	}
	return f.signer, f.err
}

func (s *Signers) entry(p program) *finding {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.known[p]; ok {
		if age := now.Sub(f.since); age >= 0 && age < signerLife {
			return f
		}
	}
	if len(s.known) >= maxSigners {
		clear(s.known) // a rare event; they are verified again
	}
	f := &finding{since: now}
	s.known[p] = f
	return f
}

func (s *Signers) forget(p program, f *finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[p] == f {
		delete(s.known, p)
	}
}
