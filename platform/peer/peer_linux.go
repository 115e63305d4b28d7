package peer

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func identifyPeer(c net.Conn) (*Peer, error) {
	p, err := identify(c, peerPIDFD)
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) {
		return nil, fmt.Errorf("identify caller: %w: %w", ErrExhausted, err)
	}
	if err != nil {
		return nil, fmt.Errorf("identify caller: %w", err)
	}
	return p, nil
}

func identify(c net.Conn, pidfd pidfdOf) (*Peer, error) {
	p := &Peer{}
	err := withPeer(c, func(s int, cred *unix.Ucred) (err error) {
		if cred.Pid == 0 {
			return errors.New("regentd cannot see the PID namespace of the process")
		}
		p.UID, p.PID = decimal(cred.Uid), int(cred.Pid)
		if p.GIDs, err = peerGroups(s, cred.Gid); err != nil {
			return err
		}
		held, weak, err := holdPeer(s, p.PID, pidfd)
		p.ByPID, p.process = weak, newTarget(p.PID, held)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := p.read(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// read reads /proc. A PID is certain only while the process is alive. So read checks
// afterwards that it is.
func (p *Peer) read() error {
	st, read, err := p.process.stat(p.PID)
	if err != nil {
		return p.goneOr(err)
	}
	p.ParentPID, p.Start = st.parent, st.start
	if p.Exe, err = lookAt(p, readExe); err != nil {
		return p.goneOr(err)
	}
	if p.process.image, err = p.readImage(); err != nil {
		return p.goneOr(err)
	}
	if err := p.Alive(); err != nil {
		return err
	}
	if read && p.process.number != 0 {
		starts.add(p.process.number, st.start)
	}
	return nil
}

// executable is Executable for Linux.
func executable(pid int) string {
	exe, err := readExe(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return "" // the process has ended
	}
	return exe
}

// readExe returns the target of the link, "" if this process may not see it.
func readExe(link string) (string, error) {
	exe, err := os.Readlink(link)
	if errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	return exe, err
}

// goneOr returns ErrGone if the process has exited, else err with a hint.
func (p *Peer) goneOr(err error) error {
	if gone := p.Alive(); gone != nil {
		return gone
	}
	return fmt.Errorf("%w (is /proc mounted with hidepid?)", err)
}

func (p *Peer) proc(name string) string { return procPath(p.PID, name) }

func procPath(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

func (p *Peer) recheck() error {
	now, err := p.readImage()
	if err != nil {
		return p.goneOr(err)
	}
	if err := p.Alive(); err != nil { // before the comparison: now may belong to another process
		return err
	}
	if now != p.process.image {
		return ErrChanged
	}
	return nil
}

func (p *Peer) units() ([]string, error) {
	in, err := p.membership()
	if err != nil {
		return nil, err
	}
	return unitsOf(in.path)
}

// membership reads the cgroup of the process.
func (p *Peer) membership() (membership, error) {
	b, err := os.ReadFile(p.proc("cgroup"))
	if err != nil {
		return membership{}, p.goneOr(err)
	}
	if err := p.Alive(); err != nil {
		return membership{}, err
	}
	return membershipOf(b)
}
