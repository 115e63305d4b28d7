package peer

import "net"

// Server is the process that listens, for people to be told of it.
type Server struct {
	PID int
	Exe string // "" if this user may not see it
}

// ServerOf returns who serves the pipe that c, a client's end, is of. It says
// nothing of whether that is to be trusted: see [UID].
func ServerOf(c net.Conn) (Server, error) { return serverOf(c) }
