package tms

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
)

// TestConnectionText: an error of a connection names its target and one reason.
func TestConnectionText(t *testing.T) {
	address := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 3128}
	dial := &net.OpError{Op: "dial", Net: "tcp", Addr: address, Err: &os.SyscallError{Syscall: "connect", Err: syscall.ECONNREFUSED}}
	refused := syscall.ECONNREFUSED.Error()
	lookup := func(e net.DNSError) error { e.Name = "demo-host.com"; return &net.OpError{Op: "dial", Err: &e} }
	for want, err := range map[string]error{
		"no connection to 192.0.2.1:3128: " + refused:           dial,
		"no connection to the proxy 192.0.2.1:3128: " + refused: &net.OpError{Op: "proxyconnect", Err: dial},
		"no connection to 192.0.2.1:3128: i/o timeout":          &net.OpError{Op: "dial", Addr: address, Err: errors.New("i/o timeout")},
		"DNS does not know demo-host.com":                       lookup(net.DNSError{IsNotFound: true}),
		"DNS does not answer for demo-host.com":                 lookup(net.DNSError{IsTimeout: true}),
		"DNS cannot find demo-host.com: network is unreachable": lookup(net.DNSError{Err: "dial udp 192.0.2.53:53: connect: network is unreachable"}),
		"DNS does not know the proxy demo-host.com":             &net.OpError{Op: "proxyconnect", Err: lookup(net.DNSError{IsNotFound: true})},
		"read tcp: EOF": &net.OpError{Op: "read", Net: "tcp", Err: errors.New("EOF")},
		"bad words":     errors.New("bad words"),
	} {
		if got := connectionText(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
