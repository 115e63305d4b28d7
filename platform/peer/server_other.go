//go:build !windows

package peer

import "net"

func serverOf(net.Conn) (Server, error) { return Server{}, ErrUnsupported }
