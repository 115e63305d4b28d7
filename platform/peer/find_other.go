//go:build !linux && !darwin && !windows

package peer

func openProcess(int, uint64) (*Process, error) { return nil, ErrUnsupported }

func find(int) (*Peer, error) { return nil, ErrUnsupported }
