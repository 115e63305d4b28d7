package tms

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"regent/agent/fault"
)

// handshakeError is the reason of a failed TLS handshake, in plain words. It wraps the
// library's error.
type handshakeError struct {
	at    fault.Stage
	text  string
	cause error
}

func (t *handshakeError) Error() string { return t.text }
func (t *handshakeError) Unwrap() error { return t.cause }

// Handshake returns the reason of a failed TLS handshake; "" if something else failed.
func (f *Failure) Handshake() string {
	if t, ok := handshakeErrorOf(f.Err, f.Host); ok {
		return t.text
	}
	return ""
}

// handshakeErrorOf returns the reason of a failed TLS handshake with host, and whether
// the handshake failed. It is pure.
func handshakeErrorOf(err error, host string) (*handshakeError, bool) {
	if done, ok := errors.AsType[*handshakeError](err); ok {
		return done, true
	}
	who := "the server"
	if throughProxy(err) {
		who = "the proxy"
	}
	at, text := certificateReason(err, host)
	if text == "" {
		at, text = alertReason(err, who, host)
	}
	if text == "" {
		at, text = localReason(err, who)
	}
	return &handshakeError{at, text, err}, text != ""
}

// certificateReason is the fault of the server's certificate; "" for none.
func certificateReason(err error, host string) (fault.Stage, string) {
	if bad, ok := errors.AsType[x509.HostnameError](err); ok {
		return fault.StageName, wrongName(bad.Certificate, host)
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return fault.StageCertificate, invalid(bad)
	}
	_, unknown := errors.AsType[x509.UnknownAuthorityError](err)
	_, noRoots := errors.AsType[x509.SystemRootsError](err)
	switch {
	case unknown && strings.Contains(err.Error(), "insecure algorithm"):
		return fault.StageCertificate, "the server's certificate is signed with an algorithm that is no longer accepted (SHA-1 or MD5)"
	case unknown:
		return fault.StageTrust, "the server's certificate is signed by an unknown authority"
	case noRoots:
		return fault.StageTrust, "this system has no list of certificate authorities, so no certificate can be checked"
	}
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fault.StageCertificate, "the server's certificate cannot be used: " + strings.TrimPrefix(bad.Err.Error(), "x509: ")
	}
	return "", ""
}

// wrongName says for which names the certificate is. A certificate without a
// subject alternative name is for none (RFC 9525, 6.3).
func wrongName(c *x509.Certificate, host string) string {
	const most = 3 // that are listed
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return fmt.Sprintf("the server's certificate has no subject alternative name (SAN), only the common name %q, which is no longer accepted", c.Subject.CommonName)
	}
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	return fmt.Sprintf("the server's certificate is for %s%s, not for %s", strings.Join(names, ", "), more, host)
}

func invalid(bad x509.CertificateInvalidError) string {
	if bad.Reason == x509.IncompatibleUsage {
		return "the server's certificate is not made for servers: its extended key usage has no serverAuth"
	}
	if bad.Reason != x509.Expired || bad.Cert == nil {
		return "the server's certificate cannot be used: " + strings.TrimPrefix(bad.Error(), "x509: ")
	}
	// The detail distinguishes the two, and has the time of the check.
	if strings.Contains(bad.Detail, "is before") {
		return "the server's certificate is valid from " + bad.Cert.NotBefore.UTC().Format(time.DateOnly) + "; this device's date is earlier"
	}
	return "the server's certificate expired on " + bad.Cert.NotAfter.UTC().Format(time.DateOnly)
}

// alertReason is the TLS alert that the peer ended the handshake with (RFC 8446,
// section 6.2); "" if it sent none.
func alertReason(err error, who, host string) (fault.Stage, string) {
	op, ok := errors.AsType[*net.OpError](err)
	if !ok || op.Op != "remote error" {
		return "", ""
	}
	number, name := alertOf(op.Err)
	alert := fmt.Sprintf(" (TLS alert %s, %s)", number, name)
	try, _ := errors.AsType[*attemptError](err)
	asked := try != nil && try.clientCertificateAsked
	switch number {
	case "70":
		return fault.StageVersion, oldVersion(who) + alert
	case "112":
		return fault.StageName, who + " does not know the name " + host + alert
	case "116":
		asked = true // it says so itself
	case "40", "71", "86":
		if !asked {
			return fault.StageVersion, who + " and this device have no common TLS version or cipher suite" + alert
		}
	case "42", "43", "44", "45", "46", "48", "49":
	default:
		asked = false
	}
	if asked {
		return fault.StageClientCertificate, who + " asks for a client certificate, and Regent has none" + alert
	}
	return fault.StageHandshake, who + " ended the TLS handshake" + alert
}

// alertOf returns the number and the name of an alert. The library keeps the
// number to itself, so it is found by the name.
func alertOf(err error) (number, name string) {
	text := err.Error()
	for n := range 256 {
		if tls.AlertError(n).Error() == text {
			name = strings.TrimPrefix(text, "tls: ")
			if name == fmt.Sprintf("alert(%d)", n) {
				name = "without a name"
			}
			return strconv.Itoa(n), name
		}
	}
	return "?", text
}

func oldVersion(who string) string {
	return who + " and this device have no common TLS version: it has TLS 1.1 or older, and 1.2 or later is needed"
}

// localReason is this side's reason to end the handshake; "" if something else failed.
func localReason(err error, who string) (fault.Stage, string) {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return fault.StageTLS, who + " does not speak TLS at this port"
	}
	try, _ := errors.AsType[*attemptError](err)
	if try == nil || !try.handshaking {
		return "", ""
	}
	text := strings.TrimPrefix(try.err.Error(), "tls: ")
	timeout, _ := errors.AsType[net.Error](err)
	broken, _ := errors.AsType[*net.OpError](err) // reset, or any other end of the connection
	switch {
	case strings.Contains(text, "unsupported protocol version"):
		return fault.StageVersion, oldVersion(who)
	case strings.Contains(text, "cipher suite"):
		return fault.StageVersion, who + " and this device have no common cipher suite"
	case timeout != nil && timeout.Timeout():
		text = strings.TrimSuffix(text, ": "+context.DeadlineExceeded.Error())
		return fault.StageHandshake, who + " did not answer during the TLS handshake (" + text + ")"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), broken != nil && broken.Op == "read":
		return fault.StageHandshake, who + " closed the connection during the TLS handshake"
	}
	return fault.StageHandshake, "the TLS handshake failed: " + text
}
