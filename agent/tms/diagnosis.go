package tms

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"

	"regent/agent/fault"
)

// Diagnosis is the result of one request to the service, step by step. It contains no
// secret.
type Diagnosis struct {
	Proxy       string // host and port of the proxy that was used; "" for none
	ProxyStatus int    // its answer to CONNECT, if that was a refusal
	Stage       fault.Stage
	Failure     *Failure // nil at fault.StageDone
	Issuer      string   // of the certificate that was shown, for people
	Minted      bool     // a certificate was issued for a name that does not exist
	Provider    Provider // at fault.StageDone
	Authorities string   // a summary of the extra authorities, at fault.StageTrust
}

// proxyAnswer is a proxy's refusal of a CONNECT.
type proxyAnswer struct {
	host   string
	status int
}

func (p *proxyAnswer) Error() string {
	return fmt.Sprintf("the proxy %s answered %d to CONNECT", p.host, p.status)
}

// Diagnose asks for the identity provider, as every request does, and reports the step
// that failed. It uses no count. If the server showed a certificate, Diagnose begins a
// second handshake for a name that does not exist. It sends nothing there. Only a
// TLS-intercepting proxy makes a certificate for that name.
func (c *Client) Diagnose(ctx context.Context) Diagnosis {
	c.Close()                                  // test the network now, not an earlier connection
	var shown atomic.Pointer[x509.Certificate] // by the last handshake
	p, err := c.Discover(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{TLSHandshakeDone: func(s tls.ConnectionState, _ error) {
		if len(s.PeerCertificates) > 0 {
			shown.Store(s.PeerCertificates[0])
		}
	}}))
	l := Diagnosis{Stage: fault.StageDone, Provider: p, Proxy: c.proxy}
	if failure, ok := errors.AsType[*Failure](err); ok {
		l.Failure = failure
		l.Stage, l.ProxyStatus = stageOf(failure)
	}
	if l.Stage == fault.StageTrust && c.o.ExtraCA != nil {
		if b, err := ReadBundle(c.o.ExtraCA, c.o.Now()); err == nil {
			l.Authorities = b.summarize()
		}
	}
	if leaf := cmp.Or(refusedCertificate(err), shown.Load()); leaf != nil {
		l.Issuer = redactor{}.text(leaf.Issuer.String())
		l.Minted = c.minted(ctx)
	}
	return l
}

// Stage is where the request ended.
func (f *Failure) Stage() fault.Stage {
	at, _ := stageOf(f)
	return at
}

// stageOf reads where a request ended from its error. It is pure.
func stageOf(f *Failure) (at fault.Stage, proxyStatus int) {
	if refused, ok := errors.AsType[*proxyAnswer](f.Err); ok {
		return fault.StageProxy, refused.status
	}
	if throughProxy(f.Err) {
		return fault.StageProxy, 0
	}
	if _, ok := errors.AsType[*net.DNSError](f.Err); ok {
		return fault.StageDNS, 0
	}
	if trouble, ok := handshakeErrorOf(f.Err, ""); ok {
		return trouble.at, 0
	}
	if f.Reach == NotSent {
		return fault.StageConnect, 0
	}
	return fault.StageAnswer, 0
}

// throughProxy reports whether err is a failure to connect to the proxy.
func throughProxy(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && (op.Op == "proxyconnect" || op.Op == "socks connect")
}

// refusedCertificate is the one that err refuses, nil if that is not its reason.
func refusedCertificate(err error) *x509.Certificate {
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(bad.UnverifiedCertificates) > 0 {
		return bad.UnverifiedCertificates[0]
	}
	return nil
}

// unknownName is a name without a valid certificate: .invalid is reserved.
const unknownName = "regent-looks-whether-somebody-is-in-the-way.invalid"

var errSeen = errors.New("the certificate was seen")

// minted reports whether the server shows a certificate for a name that does not exist.
func (c *Client) minted(ctx context.Context) bool {
	t, err := newTransport(c.o)
	if err != nil {
		return false
	}
	defer t.CloseIdleConnections()
	var made atomic.Bool // of a handshake that goes on after ctx has ended, too
	t.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: unknownName,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection ends each handshake
		VerifyConnection: func(s tls.ConnectionState) error {
			made.Store(s.PeerCertificates[0].VerifyHostname(unknownName) == nil)
			return errSeen
		},
	}
	ctx, cancel := context.WithTimeout(ctx, c.o.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.tenant.String(), nil)
	if err != nil {
		return false
	}
	answer, err := t.RoundTrip(r)
	if err == nil {
		_ = answer.Body.Close()
		return false // [unexpected] it is no TLS
	}
	return errors.Is(err, errSeen) && made.Load()
}
