//go:build !linux

package peer

import "net"

func groupsOf(net.Conn) ([]string, error) { return nil, ErrUnsupported }
