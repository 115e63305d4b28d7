// Package peer asks the kernel who is at the other end of a local connection.
//
// It opens a handle of that process, so that its PID cannot come to mean another process.
// All facts come from the kernel, none from the process. The package makes no decisions.
package peer

import (
	"errors"
	"net"
)

// MaxImage is the maximum size in bytes of an image for computing its digest.
const MaxImage = 100 << 20

var (
	// ErrUnsupported means that this operating system cannot provide the fact.
	ErrUnsupported = errors.New("not supported on this system")
	// ErrGone means that the process has exited, even if its parent has not waited for it.
	ErrGone = errors.New("process has exited")
	// ErrChanged means that the process now runs another executable.
	ErrChanged = errors.New("process runs another executable now")
	// ErrExhausted means that this process or the system has no free file descriptor.
	ErrExhausted = errors.New("no descriptor left")
	// ErrClosed means that the handle of the process was closed.
	ErrClosed = errors.New("process handle is closed")
)

// Identity has the kernel's facts about a process. UID and GIDs are from the time of the
// connection. The other facts were read while the process was alive.
type Identity struct {
	UID       string   // decimal, or a SID
	GIDs      []string // all groups, the primary group first: decimal, or SIDs
	PID       int
	ParentPID int
	Start     uint64 // start time, in the system's own unit
	Exe       string // path of the image, as the kernel shows it; "" if this process may not see it
	ByPID     bool   // found by PID and start time, because the socket gave no handle
}

// Identify identifies the process that opened c, and opens a handle of it. The caller
// closes the Peer. An error that wraps [ErrGone] means that the process has exited.
func Identify(c net.Conn) (*Peer, error) { return identifyPeer(c) }

// Open opens the process with this PID and start time, both from an [Identity] of the same
// boot. An error that wraps [ErrGone] means that the process has exited.
func Open(pid int, start uint64) (*Process, error) { return openProcess(pid, start) }

// Find identifies a process that has not connected, with its current user and groups. The
// caller closes the Peer.
func Find(pid int) (*Peer, error) { return find(pid) }

// UID returns the user at the other end of c, in decimal or as a SID. It costs far less
// than [Identify]. For a client, it is the user that listens. A client should check it
// before it sends anything.
func UID(c net.Conn) (string, error) { return uid(c) }

// Groups returns the groups of the process at the other end of c, the primary group first,
// from the time of the connection. An error that wraps [ErrUnsupported] means that this
// operating system does not provide them.
func Groups(c net.Conn) ([]string, error) { return groupsOf(c) }

// Self returns the user of this process, in the form of [UID]. It returns an error if that
// user [IsUnmapped].
func Self() (string, error) { return ownUser() }

// Executable returns the program that the process with this PID runs now, "" if it is not
// known. On Windows and macOS it is never known: there a process runs one program. The caller
// must check that the PID still is of the process that it means.
func Executable(pid int) string { return executable(pid) }

// Superusers returns the users that [UID] may return for a listener of the system: root, or
// SYSTEM and Administrators.
func Superusers() []string { return superusers() }

// Administers reports whether the process has all rights on the system: it runs as root,
// as SYSTEM, or as an elevated administrator.
func (i Identity) Administers() bool { return administers(i) }

// Peer is an identified process. It is safe for concurrent use. Its methods describe the
// process in its current state, and fail once it has exited.
type Peer struct {
	Identity
	process target
}

// Alive returns an error that wraps [ErrGone] once the process has exited.
func (p *Peer) Alive() error { return p.process.Alive() }

// Number is [Process.Number] of the process.
func (p *Peer) Number() uint64 { return p.process.Number() }

// Duplicate returns a second, independent handle of the process. The caller closes it.
func (p *Peer) Duplicate() (*Process, error) { return p.process.Duplicate() }

// Close releases the process. Closing again does nothing.
func (p *Peer) Close() error { return p.process.Close() }

// Recheck returns an error unless the process is alive and still runs the executable that
// it ran when it was identified. Call it right before an answer.
func (p *Peer) Recheck() error { return p.recheck() }

// IsExecutable reports whether the process runs the file at path, as this process sees the
// path. The device and the inode must be equal. Root must own the file and each directory
// and link in its path. Neither group nor others may write them, with or without the sticky
// bit. If the result is false, why says why in a few words.
//
// An interpreter runs a script, so the path of a script never matches. The same user can
// trace the process, so this is no protection from that user.
func (p *Peer) IsExecutable(path string) (is bool, why string) { return p.isExecutable(path) }

// SHA256 returns the digest of the image in lower-case hex. It returns an error for an image
// larger than [MaxImage].
func (p *Peer) SHA256(known *Images) (string, error) {
	f, err := p.openImage()
	if err != nil {
		return "", err
	}
	v, err := versionOf(f)
	if err != nil {
		return "", errors.Join(err, f.Close())
	}
	sum, err := known.digests.get(p.UID, program{version: v}, f, func() (string, error) { return sumFile(f, v) })
	if err != nil {
		return "", err
	}
	return sum, p.recheck()
}

// Signer returns the signer of the image. The signature must be inside the image, and the
// system must trust its certificate for signing programs (Authenticode). Signer does not
// use the network. If the verification takes too long, Signer returns an error. The
// verification continues, and a later call returns its result. Only Windows has such
// signatures. On other systems the error wraps [ErrUnsupported].
//
// This is no protection from local users: a user who may start a signed program can debug
// it, or make it run other code.
func (p *Peer) Signer(known *Images) (Signer, error) { return p.signer(known) }

// Units returns the process's unit of the system service manager, for example
// "cad-render.service", then its slices, the innermost first. For a unit of a user's own
// manager it returns that user's service, because the user chooses the names of such units.
func (p *Peer) Units() ([]string, error) { return p.units() }

// Confinement is the difference between a process and a process of the host system.
type Confinement struct {
	Difference          string // for example "in another PID namespace than regentd"; "" if none
	MissingCapabilities string // those that the system's root has and the process lacks; "" if none
}

// Confinement compares the process with this process and with PID 1: user and PID
// namespaces, container cgroups, and capabilities. An unknown fact counts as a difference.
// Mount namespaces do not count, because services have their own. On a system without
// namespaces the result is empty.
func (p *Peer) Confinement() Confinement { return p.confinement() }

// OpenUnit opens the unit of the process. The unit can outlive the process. The caller
// closes it.
func (p *Peer) OpenUnit() (*Unit, error) { return p.openUnit() }

// OpenUnit opens the unit with this cgroup and id, both from a [Unit] of the same boot. An
// error that wraps [ErrGone] means that the unit has ended.
func OpenUnit(cgroup string, id uint64) (*Unit, error) { return reopenUnit(cgroup, id) }

// Server is the process that listens. Use it only in messages.
type Server struct {
	PID int
	Exe string // "" if this process may not see it
}

// ServerOf returns the process that serves the pipe of c, which is a client's end. It does
// not say whether to trust the process: see [UID].
func ServerOf(c net.Conn) (Server, error) { return serverOf(c) }
