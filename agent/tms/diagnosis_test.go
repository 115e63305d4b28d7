package tms

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"regent/agent/fault"
)

func TestStageOf(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	unverified := func(err error) error { return &tls.CertificateVerificationError{Err: err} }
	tests := []struct {
		name   string
		reach  Reach
		err    error
		want   fault.Stage
		status int
	}{
		{"a proxy's refusal", NotSent, &proxyAnswer{"proxy:3128", 407}, fault.StageProxy, 407},
		{"no proxy", NotSent, &net.OpError{Op: "proxyconnect", Err: dial(syscall.ECONNREFUSED)}, fault.StageProxy, 0},
		{"a proxy without a name", NotSent, &net.OpError{Op: "proxyconnect", Err: &net.DNSError{}}, fault.StageProxy, 0},
		{"no name", NotSent, dial(&net.DNSError{IsNotFound: true}), fault.StageDNS, 0},
		{"a name server that is silent", NotSent, dial(&net.DNSError{IsTimeout: true}), fault.StageDNS, 0},
		{"refused", NotSent, dial(syscall.ECONNREFUSED), fault.StageConnect, 0},
		{"no answer", NotSent, errors.New("not done within 10s"), fault.StageConnect, 0},
		{"an unknown authority", NotSent, unverified(x509.UnknownAuthorityError{}), fault.StageTrust, 0},
		{"another name", NotSent, unverified(x509.HostnameError{Certificate: &x509.Certificate{}}), fault.StageName, 0},
		{"expired", NotSent, unverified(x509.CertificateInvalidError{Reason: x509.Expired}), fault.StageCertificate, 0},
		{"no TLS", NotSent, tls.RecordHeaderError{}, fault.StageTLS, 0},
		{"an answer that cannot be read", Lost, errors.New("no JSON"), fault.StageAnswer, 0},
		{"an answer", Answered, errors.New("status 404"), fault.StageAnswer, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := fmt.Errorf("wrapped: %w", &attemptError{err: tt.err})
			if got, status := stageOf(&Failure{Reach: tt.reach, Err: err}); got != tt.want || status != tt.status {
				t.Errorf("stageOf = %s, %d; want %s, %d", got, status, tt.want, tt.status)
			}
		})
	}
}

// A look is at the way of now: a connection from before is not used.
func TestDiagnoseReconnects(t *testing.T) {
	connections := 0
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections++ // the server accepts in one goroutine, and is closed before it is read
		}
	}
	s.Start()
	c, err := New(Options{Tenant: s.URL, Proxy: "none", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if l := c.Diagnose(t.Context()); l.Stage != fault.StageAnswer || l.Failure == nil || l.Minted || l.Proxy != "" {
			t.Errorf("Look = %+v", l)
		}
	}
	c.Close()
	s.Close()
	if connections != 3 {
		t.Errorf("%d connections for 3 looks", connections)
	}
}
