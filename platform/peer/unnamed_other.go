//go:build !linux

package peer

import "net"

type guardedFile struct{}

func (guardedFile) Close() error { return nil }

func unnamed(string) (bool, error) { return false, nil }

func systemUsers() []string { return superusers() }

func openGuarded(string) (*Guarded, error) { return nil, ErrUnsupported }

func outside(net.Conn) error { return ErrUnsupported }
