package main

import (
	"errors"
	"net"
	"time"
)

// reusableListener is the service manager's listener for one life of the daemon: closing it
// only ends that life's waiting, since it can be had only once.
type reusableListener struct{ *net.UnixListener }

// newReusableListener returns ln for one life, if it can be had for another one after.
func newReusableListener(ln net.Listener) (net.Listener, error) {
	u, ok := ln.(*net.UnixListener)
	if !ok {
		return ln, nil
	}
	return reusableListener{u}, u.SetDeadline(time.Time{})
}

// Accept implements [net.Listener].
func (l reusableListener) Accept() (net.Conn, error) {
	c, err := l.UnixListener.Accept()
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return nil, net.ErrClosed
	}
	return c, err
}

// Close implements [net.Listener].
func (l reusableListener) Close() error { return l.SetDeadline(time.Unix(1, 0)) }
