package peer

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Process is a hold of one process by PID and start time: this system has no
// handle that names it. It is safe for concurrent use.
type Process struct {
	pid    int
	start  uint64
	closed atomic.Bool
}

// Alive returns an error that wraps [ErrClosed] once the process has exited.
func (p *Process) Alive() error {
	if p.closed.Load() {
		return ErrClosed
	}
	_, start, err := readProcess(p.pid)
	if err != nil {
		return err
	}
	if start != p.start {
		return ErrGone
	}
	return nil
}

// Duplicate returns a second, independent hold of the process. The caller closes it.
func (p *Process) Duplicate() (*Process, error) {
	if p.closed.Load() {
		return nil, ErrClosed
	}
	return &Process{pid: p.pid, start: p.start}, nil
}

// Close releases this hold. Closing again does nothing.
func (p *Process) Close() error {
	p.closed.Store(true)
	return nil
}

type target struct{ *Process }

var errImage = fmt.Errorf("executable of a process: %w", ErrUnsupported)

func identifyPeer(c net.Conn) (*Peer, error) {
	cred, pid, err := readCredentials(c)
	if err != nil {
		return nil, fmt.Errorf("identify caller: %w", err)
	}
	parent, start, err := readProcess(pid)
	if err != nil {
		return nil, fmt.Errorf("identify caller: %w", err)
	}
	id := Identity{UID: decimal(cred.Uid), PID: pid, ParentPID: parent, Start: start, ByPID: true}
	for _, g := range cred.Groups[:min(max(int(cred.Ngroups), 0), len(cred.Groups))] {
		id.GIDs = append(id.GIDs, decimal(g))
	}
	return &Peer{Identity: id, process: target{&Process{pid: pid, start: start}}}, nil
}

func uid(c net.Conn) (string, error) {
	cred, _, err := readCredentials(c)
	if err != nil {
		return "", fmt.Errorf("ask the socket for its peer: %w", err)
	}
	return decimal(cred.Uid), nil
}

func readCredentials(c net.Conn) (cred *unix.Xucred, pid int, err error) {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return nil, 0, fmt.Errorf("%T is not a Unix socket", c)
	}
	rc, err := uc.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	var inner error
	err = rc.Control(func(s uintptr) {
		if cred, inner = unix.GetsockoptXucred(int(s), unix.SOL_LOCAL, unix.LOCAL_PEERCRED); inner == nil {
			pid, inner = unix.GetsockoptInt(int(s), unix.SOL_LOCAL, unix.LOCAL_PEERPID)
		}
	})
	return cred, pid, errors.Join(err, inner)
}

const zombie = 5 // SZOMB of sys/proc.h

// readProcess returns the parent and the start time, in microseconds, of a process.
func readProcess(pid int) (parent int, start uint64, err error) {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if errors.Is(err, unix.EIO) || errors.Is(err, unix.ESRCH) { // the kernel's list of such processes is empty
		return 0, 0, ErrGone
	}
	if err != nil {
		return 0, 0, fmt.Errorf("kern.proc.pid.%d: %w", pid, err)
	}
	if k.Proc.P_stat == zombie || int(k.Proc.P_pid) != pid {
		return 0, 0, ErrGone
	}
	t := k.Proc.P_starttime
	return int(k.Eproc.Ppid), uint64(t.Sec)*1e6 + uint64(t.Usec), nil //nolint:gosec // no process starts before 1970
}

func openProcess(pid int, start uint64) (*Process, error) {
	p := &Process{pid: pid, start: start}
	if err := p.Alive(); err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	return p, nil
}

func find(int) (*Peer, error) { return nil, ErrUnsupported }

func ownUser() (string, error) { return strconv.Itoa(os.Getuid()), nil }

func (p *Peer) recheck() error                     { return p.Alive() }
func (p *Peer) isExecutable(string) (bool, string) { return false, errImage.Error() }
func (p *Peer) openImage() (*os.File, error)       { return nil, errImage }
func versionOf(*os.File) (version, error)          { return version{}, errImage }
