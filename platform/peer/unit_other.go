//go:build !linux

package peer

// Unit is a hold of a unit of the service manager. There is none on this system.
type Unit struct {
	Name, Cgroup string
	ID           uint64
}

func (*Peer) openUnit() (*Unit, error) { return nil, ErrUnsupported }

func reopenUnit(string, uint64) (*Unit, error) { return nil, ErrUnsupported }

// Slices returns none.
func (*Unit) Slices() []string { return nil }

// Alive returns [ErrUnsupported].
func (*Unit) Alive() error { return ErrUnsupported }

// Duplicate returns [ErrUnsupported].
func (*Unit) Duplicate() (*Unit, error) { return nil, ErrUnsupported }

// Close does nothing.
func (*Unit) Close() error { return nil }
