//go:build !windows

package acl

import "net"

func fileExposures(string, string) ([]Exposure, error)   { return nil, ErrUnsupported }
func pipeExposures(string, net.Conn) ([]Exposure, error) { return nil, ErrUnsupported }
