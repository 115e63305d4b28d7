//go:build !linux

package peer

import "net"

type protectedFile struct{}

func (protectedFile) Close() error { return nil }

func isUnmapped(string) (bool, error) { return false, nil }

func systemUsers() []string { return superusers() }

func openProtectedSocket(string) (*ProtectedSocket, error) { return nil, ErrUnsupported }

func checkOutsideNamespace(net.Conn) error { return ErrUnsupported }
