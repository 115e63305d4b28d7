package peer

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"regent/platform/files"
	"regent/platform/layout"
)

func identifyPeer(c net.Conn) (*Peer, error) {
	p, err := identify(c)
	if err != nil {
		return nil, fmt.Errorf("identify caller: %w", err)
	}
	return p, nil
}

// identify gets the client's process from the pipe, and opens it. It returns an error if
// the pipe and the process name different users.
func identify(c net.Conn) (_ *Peer, err error) {
	pipe, err := handle(c)
	if err != nil {
		return nil, err
	}
	pid, err := clientPID(pipe)
	if err != nil {
		return nil, err
	}
	client, err := clientIdentity(pipe)
	if err != nil {
		return nil, err
	}
	p, process, err := newTarget(pid)
	if err != nil {
		return nil, err
	}
	if err := checkSameIdentity(client, process); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func clientPID(pipe windows.Handle) (int, error) {
	var pid uint32
	if err := windows.GetNamedPipeClientProcessId(pipe, &pid); err != nil {
		return 0, fmt.Errorf("ask the pipe for its client: %w", err)
	}
	return int(pid), nil
}

// newTarget identifies the process with this PID.
func newTarget(pid int) (p *Peer, id tokenIdentity, err error) {
	process, err := open(pid)
	if err != nil {
		return nil, id, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, process.Close())
		}
	}()
	if id, err = process.identity(); err != nil {
		return nil, id, err
	}
	p = &Peer{Identity: Identity{UID: id.user, GIDs: id.groups, PID: pid, ByPID: true}, process: target{Process: process}}
	if p.Start, err = process.started(); err != nil {
		return nil, id, err
	}
	if p.ParentPID, err = process.parent(p.Start); err != nil {
		return nil, id, err
	}
	if p.Exe, err = process.exe(); err != nil {
		return nil, id, err
	}
	return p, id, process.Alive()
}

func find(pid int) (*Peer, error) {
	p, _, err := newTarget(pid)
	return p, err
}

func openProcess(pid int, start uint64) (*Process, error) {
	p, err := open(pid)
	if err != nil {
		return nil, err
	}
	began, err := p.started()
	if err == nil && began != start {
		err = ErrGone // another process has this PID now
	}
	if err == nil {
		err = p.Alive()
	}
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// parent returns the PID of the parent process, or 0 if that has exited. start is the start
// time of p. Windows keeps the parent's PID after its exit and can reuse it. So a parent
// that started later than p is another process.
func (p *Process) parent(start uint64) (pid int, err error) {
	err = p.withHandle(func(h windows.Handle) error {
		var info windows.PROCESS_BASIC_INFORMATION
		if err := windows.NtQueryInformationProcess(h, windows.ProcessBasicInformation, unsafe.Pointer(&info), uint32(unsafe.Sizeof(info)), nil); err != nil { //nolint:gosec // the API takes addresses
			return fmt.Errorf("ask for the parent of a process: %w", err)
		}
		pid = int(info.InheritedFromUniqueProcessId)
		return nil
	})
	if err != nil || pid == 0 {
		return 0, err
	}
	parent, err := open(pid)
	if err != nil {
		return 0, nil // it has exited, or belongs to the system and cannot hold a lease
	}
	defer parent.Close() //nolint:errcheck // queried only
	if began, err := parent.started(); err != nil || began > start {
		return 0, nil // as above
	}
	return pid, nil
}

// handle returns the handle of the pipe.
func handle(c net.Conn) (windows.Handle, error) {
	p, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return 0, fmt.Errorf("%T is not a named pipe", c)
	}
	return windows.Handle(p.Fd()), nil
}

// uid returns the user of the client's process for a server. For a client it returns the
// owner of the pipe, and an error if the serving process cannot be its owner. Only an
// administrator can choose another owner. An ordinary user may not query a process of the
// system. Then uid returns the owner without this check.
func uid(c net.Conn) (string, error) {
	pipe, pid, err := pipeServer(c)
	if err != nil {
		return "", err
	}
	var flags uint32
	if err := windows.GetNamedPipeInfo(pipe, &flags, nil, nil, nil); err != nil {
		return "", fmt.Errorf("ask the pipe for its end: %w", err)
	}
	if flags&windows.PIPE_SERVER_END != 0 {
		client, err := clientPID(pipe)
		if err != nil {
			return "", err
		}
		id, err := processIdentity(client)
		return id.user, err
	}
	sd, err := windows.GetSecurityInfo(pipe, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return "", fmt.Errorf("ask the pipe for its owner: %w", err)
	}
	owner, _, err := sd.Owner()
	if err != nil || owner == nil {
		return "", errors.New("the pipe has no owner")
	}
	id, err := processIdentity(pid)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return owner.String(), nil
	}
	if err != nil {
		return "", fmt.Errorf("query the pipe's server: %w", err)
	}
	return checkServer(owner.String(), id)
}

// pipeServer returns the pipe's handle, and the process that serves it.
func pipeServer(c net.Conn) (pipe windows.Handle, pid int, err error) {
	if pipe, err = handle(c); err != nil {
		return 0, 0, err
	}
	var server uint32
	if err := windows.GetNamedPipeServerProcessId(pipe, &server); err != nil {
		return 0, 0, fmt.Errorf("ask the pipe for its server: %w", err)
	}
	return pipe, int(server), nil
}

func processIdentity(pid int) (tokenIdentity, error) {
	p, err := open(pid)
	if err != nil {
		return tokenIdentity{}, err
	}
	defer p.Close() //nolint:errcheck // queried only
	return p.identity()
}

func serverOf(c net.Conn) (Server, error) {
	_, pid, err := pipeServer(c)
	if err != nil {
		return Server{}, err
	}
	s := Server{PID: pid}
	if p, err := open(pid); err == nil { // an ordinary user may not open a process of the system
		s.Exe, _ = p.exe()
		_ = p.Close() // queried only
	}
	return s, nil
}

// checkServer returns the owner of a pipe if the server may own it: as its user, or through
// one of its groups.
func checkServer(owner string, server tokenIdentity) (string, error) {
	if owner != server.user && !slices.Contains(server.groups, owner) {
		return "", fmt.Errorf("the pipe belongs to %s, and %s serves it", owner, server.user)
	}
	return owner, nil
}

func ownUser() (string, error) { return files.OwnSID() }

// superusers returns the users with all rights. A token contains Administrators as an
// enabled group only after elevation.
func superusers() []string {
	return []string{layout.SystemSID, layout.AdministratorsSID}
}

func administers(id Identity) bool {
	return id.UID == layout.SystemSID || slices.Contains(id.GIDs, layout.AdministratorsSID)
}
