package peer

import "net"

// IsUnmapped reports whether uid, of [UID], may be no user but stand for all those
// whom the user namespace of this process gives no number: the kernel shows each
// of them as the same uid, usually 65534. It is never so outside of a user
// namespace, where 65534 is the user nobody. An error says that /proc, which alone
// tells, cannot be read.
func IsUnmapped(uid string) (bool, error) { return isUnmapped(uid) }

// SystemUsers returns the users that [UID] may name for a listener of the system,
// as a client sees it. They are the [Superusers]. The root of another user namespace
// is not one of them: outside it is an ordinary user. The system's root owns the
// root directory, and the root of a container owns the container's.
func SystemUsers() []string { return systemUsers() }

// ProtectedSocket is the file of a socket in a place that no user of this user namespace
// but root can change, as far as the owners and modes tell that the kernel shows.
// Another user outside of the namespace cannot be told from the system's there,
// so it says nothing of a folder that such a user owns.
type ProtectedSocket struct {
	// Address is what to connect to, until Close: this very file, whatever the
	// path comes to name meanwhile.
	Address string
	// Path is where it is, without links.
	Path  string
	close func() error
}

// OpenProtectedSocket opens the socket's file and judges it and each folder above it, up
// to the root of the mount that it is on: who mounts it decides what is there. An
// error names what somebody could have changed.
func OpenProtectedSocket(socket string) (*ProtectedSocket, error) { return openProtectedSocket(socket) }

// Close closes the file. What was connected stays so.
func (g *ProtectedSocket) Close() error { return g.close() }

// CheckOutsideNamespace returns an error unless whoever listens at the other end of c, and is
// [IsUnmapped], is outside of this user namespace. Only a namespace that has the
// number itself leaves a doubt; the PID then tells.
func CheckOutsideNamespace(c net.Conn) error { return checkOutsideNamespace(c) }
