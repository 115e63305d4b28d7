package tms

import (
	"errors"
	"net"
	"strings"
)

// connectionText returns the reason in plain words why there is no connection. An error of
// another kind keeps its text.
func connectionText(err error) string {
	var target string
	op, dialed := errors.AsType[*net.OpError](err)
	switch {
	case throughProxy(err):
		target = "the proxy "
	case dialed && op.Op != "dial":
		return err.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return lookupText(dns, target)
	}
	inner := op
	for next := op; next != nil; next, _ = errors.AsType[*net.OpError](next.Err) {
		inner = next // the proxy's error wraps that of the connection
	}
	if inner == nil || inner.Addr == nil {
		return err.Error()
	}
	return "no connection to " + target + inner.Addr.String() + ": " + lastReason(inner.Err.Error())
}

// lookupText returns the reason why a name has no address.
func lookupText(dns *net.DNSError, target string) string {
	switch {
	case dns.IsNotFound:
		return "DNS does not know " + target + dns.Name
	case dns.IsTimeout:
		return "DNS does not answer for " + target + dns.Name
	}
	return "DNS cannot find " + target + dns.Name + ": " + lastReason(dns.Err)
}

// lastReason returns the last part of a chain of reasons.
func lastReason(chain string) string {
	return strings.TrimSpace(chain[strings.LastIndex(chain, ": ")+1:])
}
