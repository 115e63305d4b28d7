package peer

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Process is a handle of one process: a pidfd. Unlike a PID, an open pidfd always means the
// same process. It is safe for concurrent use.
type Process struct {
	mu sync.RWMutex // read-locked while fd is in use, so that Close cannot free its number
	fd int          // -1 once closed

	number uint64 // see Number; set before the handle is in use
}

// Number returns the kernel's number of the process: no other process of this boot has it.
// It is 0 if the kernel is older than Linux 6.13.
func (p *Process) Number() uint64 { return p.number }

// Alive returns an error that wraps [ErrGone] once the process has exited, and [ErrClosed]
// after Close.
//
// It polls: a pidfd is readable once its process has exited, even before its parent waits
// for it. Signal 0 would still succeed then. Polling needs no permission over the process.
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

// Duplicate returns a second, independent handle of the process. The caller closes it.
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
	return &Process{fd: fd, number: p.number}, nil
}

// Close closes this handle. A second call does nothing.
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
