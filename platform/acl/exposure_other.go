//go:build !windows

package acl

import "net"

func ofFiles(string, string) ([]Exposed, error)  { return nil, ErrUnsupported }
func ofPipe(string, net.Conn) ([]Exposed, error) { return nil, ErrUnsupported }
