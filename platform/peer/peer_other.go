//go:build !linux

package peer

import (
	"fmt"
	"net"
	"time"
)

// Accounts returns the owner of a user id. On this system each id has its own user.
type Accounts struct {
	Now func() time.Time // unused on this system
}

// Owner returns uid and true.
func (*Accounts) Owner(uid string) (owner string, known bool) { return uid, true }

func (*Peer) confinement() Confinement { return Confinement{} }

var errNoUnits = fmt.Errorf("units need systemd: %w", ErrUnsupported)

func groupsOf(net.Conn) ([]string, error) { return nil, ErrUnsupported }

// Unit is a handle of a unit of the service manager. This system has no units.
type Unit struct {
	Name, Cgroup string
	ID           uint64
}

func (*Peer) units() ([]string, error)         { return nil, errNoUnits }
func (*Peer) openUnit() (*Unit, error)         { return nil, errNoUnits }
func reopenUnit(string, uint64) (*Unit, error) { return nil, errNoUnits }

// Slices returns nil.
func (*Unit) Slices() []string { return nil }

// Alive returns an error that wraps [ErrUnsupported].
func (*Unit) Alive() error { return errNoUnits }

// Duplicate returns an error that wraps [ErrUnsupported].
func (*Unit) Duplicate() (*Unit, error) { return nil, errNoUnits }

// Close does nothing.
func (*Unit) Close() error { return nil }

// Number returns 0: there are no units on this system.
func (*Unit) Number() uint64 { return 0 }

// Number returns 0: only Linux numbers its processes.
func (*Process) Number() uint64 { return 0 }

func isUnmapped(string) (bool, error)                      { return false, nil }
func systemUsers() []string                                { return superusers() }
func openProtectedSocket(string) (*ProtectedSocket, error) { return nil, ErrUnsupported }
func checkOutsideNamespace(net.Conn) error                 { return ErrUnsupported }

func executable(int) string { return "" }
