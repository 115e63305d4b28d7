package peer

import (
	"net"
	"os"
)

// Process is a handle of one process. This system identifies no processes, so there are no
// handles: see platform/DESIGN.md.
type Process struct{}

// Alive returns [ErrUnsupported].
func (*Process) Alive() error { return ErrUnsupported }

// Duplicate returns [ErrUnsupported].
func (*Process) Duplicate() (*Process, error) { return nil, ErrUnsupported }

// Close does nothing.
func (*Process) Close() error { return nil }

type target struct{ *Process }

func identifyPeer(net.Conn) (*Peer, error)       { return nil, ErrUnsupported }
func uid(net.Conn) (string, error)               { return "", ErrUnsupported }
func openProcess(int, uint64) (*Process, error)  { return nil, ErrUnsupported }
func find(int) (*Peer, error)                    { return nil, ErrUnsupported }
func ownUser() (string, error)                   { return "", ErrUnsupported }
func (*Peer) recheck() error                     { return ErrUnsupported }
func (*Peer) isExecutable(string) (bool, string) { return false, ErrUnsupported.Error() }
func (*Peer) openImage() (*os.File, error)       { return nil, ErrUnsupported }
func versionOf(*os.File) (version, error)        { return version{}, ErrUnsupported }
