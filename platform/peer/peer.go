// Package peer asks the kernel who is at the other end of a local connection.
//
// It holds that process, so that its number cannot come to mean another. All facts
// come from the kernel, none from the process itself. The package decides nothing.
package peer

import (
	"errors"
	"net"
)

// MaxImage is the largest image in bytes that is read for its digest.
const MaxImage = 100 << 20

var (
	// ErrUnsupported means that this system cannot say.
	ErrUnsupported = errors.New("not supported on this system")
	// ErrGone means that the process has exited, reaped or not.
	ErrGone = errors.New("process has exited")
	// ErrChanged means that the process runs another executable than before.
	ErrChanged = errors.New("process runs another executable now")
	// ErrExhausted means that this process, or the system, has no descriptor left.
	ErrExhausted = errors.New("no descriptor left")
	// ErrClosed means that the hold of the process was given up.
	ErrClosed = errors.New("process handle is closed")
)

// Identity is what the kernel reports of a process. UID and GIDs are those it
// had when it connected; the rest was read while it was known to live.
type Identity struct {
	UID       string   // in decimal, or a SID
	GIDs      []string // all groups, the primary one first: decimal, or SIDs
	PID       int
	ParentPID int
	Start     uint64 // start time, in the system's own unit
	Exe       string // path of the image as the kernel shows it; "" if it may not be seen
	ByPID     bool   // found by PID and start time, not by a handle from the socket
}

// Identify identifies the process that made c and holds it. The caller closes the
// Peer. An error that wraps [ErrClosed] means that it had exited already.
func Identify(c net.Conn) (*Peer, error) { return identifyPeer(c) }

// Open holds the process that has this PID and started at start, both of an
// [Identity] of the same boot. An error that wraps [ErrClosed] means that it has
// exited.
func Open(pid int, start uint64) (*Process, error) { return openProcess(pid, start) }

// Find identifies a process that has not connected. Its user and groups are
// those of now. The caller closes the Peer.
func Find(pid int) (*Peer, error) { return find(pid) }

// UID returns the user at the other end of c, in decimal or as a SID, at far
// less cost than [Identify]. For a client it is the user that listens, which a
// client should know before it says anything.
func UID(c net.Conn) (string, error) { return uid(c) }

// Groups returns the groups of the process at the other end of c, the primary one
// first, as it had them when it connected. An error that wraps [ErrUnsupported]
// means that the connection alone does not tell on this system.
func Groups(c net.Conn) ([]string, error) { return groupsOf(c) }

// Self returns the user of this process, as [UID] would, and an error where that
// is [IsUnmapped].
func Self() (string, error) { return ownUser() }

// Superusers returns whom [UID] may name for a listener of the system's own: root,
// or SYSTEM and Administrators.
func Superusers() []string { return superusers() }

// Administers reports whether the system itself lets this process do everything:
// it is root's, SYSTEM's, or an elevated administrator's.
func (i Identity) Administers() bool { return administers(i) }

// Peer is an identified process. It is safe for concurrent use. Its methods
// answer for the process as it is now, and fail once it has exited.
type Peer struct {
	Identity
	process target
}

// Alive returns an error that wraps [ErrClosed] once the process has exited.
func (p *Peer) Alive() error { return p.process.Alive() }

// Duplicate returns a second, independent hold of the process. The caller closes it.
func (p *Peer) Duplicate() (*Process, error) { return p.process.Duplicate() }

// Close releases the process. Closing again does nothing.
func (p *Peer) Close() error { return p.process.Close() }

// Recheck returns an error unless the process lives and runs the executable
// that it ran when it was identified. To be asked right before an answer.
func (p *Peer) Recheck() error { return p.recheck() }

// IsExecutable reports whether the process runs the file that path names in
// this process's own mount namespace: the same device and inode, the file and
// every directory and link on the way owned by root and not writable by group
// or others, sticky or not. If not, why says so in a few words.
//
// A script is run by its interpreter, so the path of a script never matches.
// It is no boundary against the same user, who may trace the process.
func (p *Peer) IsExecutable(path string) (is bool, why string) { return p.isExecutable(path) }

// SHA256 returns the digest of the image in lower-case hex. Images over
// [MaxImage] are refused.
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

// Signer returns who signed the image, by a signature inside it that the system
// verifies, with a certificate that it trusts for signing programs: Authenticode.
// The network is not asked. What takes too long is refused, and goes on: asked again
// later, it is known. Only Windows has such signatures; elsewhere the error wraps
// [ErrUnsupported].
//
// It is no boundary against local users: who may start a signed program can debug
// it, or bring it to run what they like.
func (p *Peer) Signer(known *Images) (Signer, error) { return p.signer(known) }

// Units returns the system service manager's unit of the process, such as
// "cad-render.service", then the slices that it is in, the innermost first. Units
// of a user's own manager are that user's service here, since the user may name
// them as they like.
func (p *Peer) Units() ([]string, error) { return p.units() }

// Confinement is how a process differs from one of the system's own.
type Confinement struct {
	Difference          string // "in another PID namespace"; "" if it is not
	MissingCapabilities string // the capabilities that the system's root has and the process has not; "" if none
}

// Confinement compares the process with this one and with PID 1: the user and PID
// namespaces, the cgroups of containers, and the capabilities. What cannot be told
// is apart. Mount namespaces are no evidence: services have their own. A system
// without namespaces confines nothing here.
func (p *Peer) Confinement() Confinement { return p.confinement() }

// OpenUnit holds the unit of the process, and not only the process. The caller
// closes it.
func (p *Peer) OpenUnit() (*Unit, error) { return p.openUnit() }

// OpenUnit holds the unit that has this cgroup, both of a [Unit] of the same
// boot. An error that wraps [ErrClosed] means that it has ended since.
func OpenUnit(cgroup string, id uint64) (*Unit, error) { return reopenUnit(cgroup, id) }

// Server is the process that listens. It is only shown to people.
type Server struct {
	PID int
	Exe string // "" if this user may not see it
}

// ServerOf returns the process that serves the pipe of c, a client's end. It does not say
// whether to trust it: see [UID].
func ServerOf(c net.Conn) (Server, error) { return serverOf(c) }
