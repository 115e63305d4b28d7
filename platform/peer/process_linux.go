package peer

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Process is a hold of one process: a pidfd, which names it for as long as it
// is open, as a PID does not. It is safe for concurrent use.
type Process struct {
	mu sync.RWMutex // held for reading while fd is used, so that Close cannot free its number
	fd int          // -1 once closed
}

// Alive returns an error that wraps [ErrClosed] once the process has exited.
//
// It polls: a pidfd becomes readable when its process exits, even if nobody
// has reaped it, where signal 0 still succeeds; and polling needs no
// permission over the process.
func (p *Process) Alive() error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.fd < 0 {
		return ErrClosed
	}
	fds := [1]unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}} //nolint:gosec // a descriptor fits in 32 bits
	for {
		n, err := unix.Poll(fds[:], 0)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("poll pidfd: %w", err)
		case n > 0:
			return ErrGone
		default:
			return nil
		}
	}
}

// Duplicate returns a second, independent hold of the process. The caller closes it.
func (p *Process) Duplicate() (*Process, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.fd < 0 {
		return nil, ErrClosed
	}
	fd, err := unix.FcntlInt(uintptr(p.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate pidfd: %w", err)
	}
	return &Process{fd: fd}, nil
}

// Close releases this hold. Closing again does nothing.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd < 0 {
		return nil
	}
	fd := p.fd
	p.fd = -1
	return unix.Close(fd)
}
