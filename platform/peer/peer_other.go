//go:build !linux && !darwin && !windows

package peer

import "net"

func of(net.Conn) (*Peer, error)   { return nil, ErrUnsupported }
func uid(net.Conn) (string, error) { return "", ErrUnsupported }
