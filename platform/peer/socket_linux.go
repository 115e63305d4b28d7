package peer

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pidfdOf returns the pidfd of a socket's peer. It is peerPIDFD outside tests.
type pidfdOf func(socket int) (int, error)

func uid(c net.Conn) (id string, err error) {
	err = withPeer(c, func(_ int, cred *unix.Ucred) error {
		id = decimal(cred.Uid)
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("ask the socket for its peer: %w", err)
	}
	return id, nil
}

func groupsOf(c net.Conn) (ids []string, err error) {
	err = withPeer(c, func(s int, cred *unix.Ucred) (err error) {
		ids, err = peerGroups(s, cred.Gid)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the socket for its peer's groups: %w", err)
	}
	return ids, nil
}

// withPeer calls f with a socket and the credentials of its peer.
func withPeer(c net.Conn, f func(socket int, cred *unix.Ucred) error) error {
	return control(c, func(s int) error {
		cred, err := unix.GetsockoptUcred(s, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			return fmt.Errorf("SO_PEERCRED: %w", err)
		}
		return f(s, cred)
	})
}

func control(c net.Conn, f func(socket int) error) error {
	uc, ok := c.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("%T is not a Unix socket", c)
	}
	rc, err := uc.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := rc.Control(func(s uintptr) { inner = f(int(s)) }); err != nil {
		return err
	}
	return inner
}

// holdPeer gets the pidfd from the socket (Linux 6.5 and later). So the PID cannot come to
// mean another process. Older kernels need an open by PID. Then the start time must be the
// same before and after the open. A reuse of the PID before that is not detected, so weak
// is true.
func holdPeer(s, pid int, pidfd pidfdOf) (held *Process, weak bool, err error) {
	fd, err := pidfd(s)
	switch {
	case err == nil:
		return &Process{fd: fd}, false, nil
	case errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL): // Linux 6.5 to 6.15, for a reaped process
		return nil, false, ErrGone
	case !errors.Is(err, unix.ENOPROTOOPT):
		return nil, false, fmt.Errorf("SO_PEERPIDFD: %w", err)
	}
	before, err := readStat(pid)
	if err != nil {
		return nil, true, err
	}
	held, err = openProcess(pid, before.start)
	return held, true, err
}

func peerPIDFD(s int) (int, error) {
	return unix.GetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
}

// openByPID opens the process that now has this PID.
func openByPID(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	switch {
	case errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL):
		return nil, ErrGone
	case err != nil:
		return nil, fmt.Errorf("pidfd_open: %w", err)
	}
	p := &Process{fd: fd}
	p.number, _, _ = numberOf(fd, pid)
	return p, nil
}

// peerGroups returns the primary group and the supplementary groups of the peer from the
// time of the connection, each once. The unix package has no getsockopt for a list.
func peerGroups(s int, first uint32) ([]string, error) {
	groups := make([]uint32, 32)
	for {
		size := uint32(len(groups) * 4) //nolint:gosec // the kernel allows 65,536 groups
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0) //nolint:gosec // the system call takes addresses
		switch {
		case errno == 0:
			ids := make([]string, 1, 1+size/4)
			ids[0] = decimal(first)
			for _, g := range groups[:size/4] {
				ids = appendNew(ids, decimal(g))
			}
			return ids, nil
		case errno == unix.ERANGE && int(size) > len(groups)*4: // size is now the required size
			groups = make([]uint32, size/4)
		default:
			return nil, fmt.Errorf("SO_PEERGROUPS: %w", errno)
		}
	}
}

func decimal(id uint32) string { return strconv.FormatUint(uint64(id), 10) }

func appendNew(ids []string, id string) []string {
	if slices.Contains(ids, id) {
		return ids
	}
	return append(ids, id)
}
