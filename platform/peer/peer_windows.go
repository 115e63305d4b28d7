package peer

import "net"

// The pipe's client process id, a process handle and the impersonation token
// come with the Windows service.
func of(net.Conn) (*Peer, error)   { return nil, ErrUnsupported }
func uid(net.Conn) (string, error) { return "", ErrUnsupported }
