package peer

import (
	"errors"
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// credentials is what the socket itself says of its peer.
type credentials struct {
	unix.Ucred
	groups []uint32 // supplementary
	pidfd  int
	weak   bool
}

// pidfdOf takes the pidfd of the peer of a socket; only a test has another one
// than peerPIDFD.
type pidfdOf func(socket int) (int, error)

func uid(c net.Conn) (string, error) {
	var cred *unix.Ucred
	err := control(c, func(s int) (err error) {
		cred, err = unix.GetsockoptUcred(s, unix.SOL_SOCKET, unix.SO_PEERCRED)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("ask the socket for its peer: %w", err)
	}
	return decimal(cred.Uid), nil
}

func groupsOf(c net.Conn) ([]string, error) {
	var cr credentials
	err := control(c, func(s int) error {
		cred, err := unix.GetsockoptUcred(s, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			return err
		}
		cr.Ucred = *cred
		cr.groups, err = peerGroups(s)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the socket for its peer's groups: %w", err)
	}
	return gids(cr), nil
}

// readCredentials reads the credentials. The caller owns the pidfd.
func readCredentials(c net.Conn, pidfd pidfdOf) (credentials, error) {
	var cr credentials
	err := control(c, func(s int) error {
		cred, err := unix.GetsockoptUcred(s, unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			return fmt.Errorf("SO_PEERCRED: %w", err)
		}
		if cred.Pid == 0 {
			return errors.New("the process is in a PID namespace that cannot be seen from here")
		}
		cr.Ucred = *cred
		if cr.groups, err = peerGroups(s); err != nil {
			return fmt.Errorf("SO_PEERGROUPS: %w", err)
		}
		cr.pidfd, cr.weak, err = openPIDFD(s, int(cred.Pid), pidfd)
		return err
	})
	return cr, err
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

// openPIDFD takes the pidfd from the socket (Linux 6.5 and later), without a
// window in which the PID could come to mean another process. Before that it is
// opened by number, and the start time must be the same on both sides of it:
// a reuse before the first look stays unseen, hence weak.
func openPIDFD(s, pid int, pidfd pidfdOf) (fd int, weak bool, err error) {
	fd, err = pidfd(s)
	switch {
	case err == nil:
		return fd, false, nil
	case errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL): // 6.5 to 6.15 say so of a reaped process
		return -1, false, ErrGone
	case !errors.Is(err, unix.ENOPROTOOPT):
		return -1, false, fmt.Errorf("SO_PEERPIDFD: %w", err)
	}
	before, err := readStat(pid)
	if err != nil {
		return -1, true, err
	}
	fd, err = unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return -1, true, ErrGone
	}
	if err != nil {
		return -1, true, fmt.Errorf("pidfd_open: %w", err)
	}
	if after, err := readStat(pid); err != nil || after.start != before.start {
		return -1, true, errors.Join(ErrGone, unix.Close(fd))
	}
	return fd, true, nil
}

func peerPIDFD(s int) (int, error) {
	return unix.GetsockoptInt(s, unix.SOL_SOCKET, unix.SO_PEERPIDFD)
}

// peerGroups returns the supplementary groups that the peer had when it
// connected. The library has no getsockopt for a list of numbers.
func peerGroups(s int) ([]uint32, error) {
	groups := make([]uint32, 32)
	for {
		size := uint32(len(groups) * 4) //nolint:gosec // the kernel allows 65,536 groups
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(s), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0) //nolint:gosec // the system call takes addresses
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ERANGE && int(size) > len(groups)*4: // size is what it takes
			groups = make([]uint32, size/4)
		default:
			return nil, errno
		}
	}
}
