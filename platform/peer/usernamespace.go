package peer

import "net"

// IsUnmapped reports whether uid, a result of [UID], may stand for several users. A user
// namespace has no number for some outside users. The kernel shows each of them as the same
// uid, usually 65534. Outside a user namespace the result is always false: there 65534 is
// the user nobody. It returns an error if /proc, the only source, cannot be read.
func IsUnmapped(uid string) (bool, error) { return isUnmapped(uid) }

// SystemUsers returns the users that [UID] may return for a listener of the system, as a
// client sees them. They are the [Superusers]. The root of another user namespace is not
// one of them: outside, it is an ordinary user. The system's root owns the root directory.
// The root of a container owns the container's root directory.
func SystemUsers() []string { return systemUsers() }

// ProtectedSocket is a socket file that only root can change or replace, among the users of
// this user namespace. It relies on the owners and modes that the kernel shows. Inside the
// namespace, other outside users have the same number as the system's users. So it proves
// nothing about a directory that another outside user owns.
type ProtectedSocket struct {
	// Address is the address to connect to, until Close. It means this file, even if
	// the path gets another file.
	Address string
	// Path is the path without links.
	Path  string
	close func() error
}

// OpenProtectedSocket opens the socket's file. It checks the file and each directory above,
// up to the root of its mount: the creator of a mount chooses its content. The error names
// the component that another user could have changed.
func OpenProtectedSocket(socket string) (*ProtectedSocket, error) { return openProtectedSocket(socket) }

// Close closes the file. Existing connections stay open.
func (g *ProtectedSocket) Close() error { return g.close() }

// CheckOutsideNamespace returns an error unless the listener at the other end of c is
// outside this user namespace. Its user [IsUnmapped]. Only if the namespace itself has
// this number, CheckOutsideNamespace must check the PID as well.
func CheckOutsideNamespace(c net.Conn) error { return checkOutsideNamespace(c) }
