package peer

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/windows"
)

// Process is a handle of one process. While it is open, Windows does not reuse the PID. It
// is safe for concurrent use.
type Process struct {
	mu     sync.RWMutex   // read-locked while handle is in use
	handle windows.Handle // 0 once closed
}

// processAccess is the access of a handle: query, and wait for the exit.
const processAccess = windows.PROCESS_QUERY_LIMITED_INFORMATION | windows.SYNCHRONIZE

// open opens the process that now has this PID.
func open(pid int) (*Process, error) {
	h, err := windows.OpenProcess(processAccess, false, uint32(pid)) //nolint:gosec // a PID fits in 32 bits
	switch {
	case errors.Is(err, windows.ERROR_INVALID_PARAMETER): // no process has it
		return nil, ErrGone
	case errors.Is(err, windows.ERROR_NO_SYSTEM_RESOURCES):
		return nil, fmt.Errorf("%w: %w", ErrExhausted, err)
	case err != nil:
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return &Process{handle: h}, nil
}

// Alive returns an error that wraps [ErrGone] once the process has exited, and [ErrClosed]
// after Close.
func (p *Process) Alive() error {
	return p.withHandle(func(h windows.Handle) error {
		event, err := windows.WaitForSingleObject(h, 0)
		switch {
		case err != nil:
			return fmt.Errorf("wait for process: %w", err)
		case event != uint32(windows.WAIT_TIMEOUT):
			return ErrGone
		}
		return nil
	})
}

// Duplicate returns a second, independent handle of the process. The caller closes it.
func (p *Process) Duplicate() (held *Process, err error) {
	err = p.withHandle(func(h windows.Handle) error {
		var second windows.Handle
		self := windows.CurrentProcess()
		if err := windows.DuplicateHandle(self, h, self, &second, 0, false, windows.DUPLICATE_SAME_ACCESS); err != nil {
			return fmt.Errorf("duplicate process handle: %w", err)
		}
		held = &Process{handle: second}
		return nil
	})
	return held, err
}

// Close closes this handle. A second call does nothing.
func (p *Process) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.handle == 0 {
		return nil
	}
	h := p.handle
	p.handle = 0
	return windows.CloseHandle(h)
}

// withHandle calls use with the handle. Close waits until use returns.
func (p *Process) withHandle(use func(windows.Handle) error) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.handle == 0 {
		return ErrClosed
	}
	return use(p.handle)
}

// started returns the start time of the process, in units of 100 ns since 1601.
func (p *Process) started() (start uint64, err error) {
	err = p.withHandle(func(h windows.Handle) error {
		var made, exited, kernel, user windows.Filetime
		if err := windows.GetProcessTimes(h, &made, &exited, &kernel, &user); err != nil {
			return fmt.Errorf("ask for the start of a process: %w", err)
		}
		start = uint64(made.HighDateTime)<<32 | uint64(made.LowDateTime)
		return nil
	})
	return start, err
}

// exe returns the path of the image.
func (p *Process) exe() (path string, err error) {
	err = p.withHandle(func(h windows.Handle) error {
		name := make([]uint16, windows.MAX_LONG_PATH)
		n := uint32(windows.MAX_LONG_PATH)
		if err := windows.QueryFullProcessImageName(h, 0, &name[0], &n); err != nil {
			return fmt.Errorf("ask for the image of a process: %w", err)
		}
		path = windows.UTF16ToString(name[:n])
		return nil
	})
	return path, err
}
