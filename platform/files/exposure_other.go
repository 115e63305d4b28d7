//go:build !windows

package files

import "net"

func fileExposures(string, string) ([]Exposure, error)   { return nil, ErrUnsupported }
func pipeExposures(string, net.Conn) ([]Exposure, error) { return nil, ErrUnsupported }
