//go:build !linux && !darwin && !windows

package peer

// Process is a hold of one process. There is none on this system.
type Process struct{}

// Alive returns [ErrUnsupported].
func (*Process) Alive() error { return ErrUnsupported }

// Hold returns [ErrUnsupported].
func (*Process) Hold() (*Process, error) { return nil, ErrUnsupported }

// Close does nothing.
func (*Process) Close() error { return nil }

type held struct{ *Process }

func (*Peer) recheck() error                     { return ErrUnsupported }
func (*Peer) isExecutable(string) (bool, string) { return false, ErrUnsupported.Error() }
func (*Peer) sha256(*Digests) (string, error)    { return "", ErrUnsupported }
func (*Peer) units() ([]string, error)           { return nil, ErrUnsupported }
