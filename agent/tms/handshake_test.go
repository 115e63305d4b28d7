package tms

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
)

// certificateFor returns a certificate of the template that signs itself, as a
// server shows it and as a client trusts it.
func certificateFor(t *testing.T, template x509.Certificate) (tls.Certificate, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.IsCA, template.BasicConstraintsValid = big.NewInt(1), true, true
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	signed, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(signed)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}, leaf
}

// TestHandshakes: each way in which a TLS handshake can fail has a name and a
// stage of its own, for a real client against a real server.
func TestHandshakes(t *testing.T) {
	local := x509.Certificate{Subject: pkix.Name{CommonName: "local"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	tests := []struct {
		name   string
		shown  x509.Certificate
		config *tls.Config
		want   fault.Stage
		says   string
	}{
		{"old TLS", local, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, fault.StageVersion, "no common TLS version: it has TLS 1.1 or older, and 1.2 or later is needed"},
		{"no common cipher", local, &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}, fault.StageVersion, "no common TLS version or cipher suite"},
		{"client certificate, TLS 1.2", local, &tls.Config{MaxVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert}, fault.StageClientCertificate, "asks for a client certificate"},
		{"client certificate, TLS 1.3", local, &tls.Config{MinVersion: tls.VersionTLS13, ClientAuth: tls.RequireAnyClientCert}, fault.StageClientCertificate, "asks for a client certificate"},
		{"no SAN", x509.Certificate{Subject: pkix.Name{CommonName: "127.0.0.1"}}, &tls.Config{}, fault.StageName, `no subject alternative name (SAN), only the common name "127.0.0.1"`},
		{"another name", x509.Certificate{DNSNames: []string{"a.example", "b.example", "c.example", "d.example"}}, &tls.Config{}, fault.StageName, "is for a.example, b.example, c.example and 1 more, not for 127.0.0.1"},
		{"expired", x509.Certificate{IPAddresses: local.IPAddresses, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, -2)}, &tls.Config{}, fault.StageCertificate, "certificate expired on 2"},
		{"not yet valid", x509.Certificate{IPAddresses: local.IPAddresses, NotBefore: time.Now().AddDate(0, 0, 2), NotAfter: time.Now().AddDate(1, 0, 0)}, &tls.Config{}, fault.StageCertificate, "certificate is valid from 2"},
		{"for clients alone", x509.Certificate{IPAddresses: local.IPAddresses, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, &tls.Config{}, fault.StageCertificate, "not made for servers"},
		{"a name that the server does not have", local, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no such name") }}, fault.StageHandshake, "TLS alert 80, internal error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			shown, leaf := certificateFor(t, tt.shown)
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = tt.config.Clone()
			s.TLS.Certificates = []tls.Certificate{shown}
			s.StartTLS()
			defer s.Close()
			wantDiagnosis(t, s.URL, leaf, tt.want, tt.says)
		})
	}
}

// TestHandshakesCut: what a peer sends in place of a handshake.
func TestHandshakesCut(t *testing.T) {
	alert := func(number byte) []byte { return []byte{21, 3, 3, 0, 2, 2, number} }
	tests := []struct {
		name string
		sent []byte
		want fault.Stage
		says string
	}{
		{"closed", nil, fault.StageHandshake, "closed the connection during the TLS handshake"},
		{"plain HTTP", []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), fault.StageTLS, "does not speak TLS"},
		{"another protocol", []byte("SSH-2.0-OpenSSH_9.2\r\n"), fault.StageTLS, "does not speak TLS"},
		{"protocol_version", alert(70), fault.StageVersion, "no common TLS version: it has TLS 1.1 or older, and 1.2 or later is needed (TLS alert 70, protocol version not supported)"},
		{"insufficient_security", alert(71), fault.StageVersion, "alert 71"},
		{"handshake_failure", alert(40), fault.StageVersion, "no common TLS version or cipher suite (TLS alert 40, handshake failure)"},
		{"certificate_required", alert(116), fault.StageClientCertificate, "asks for a client certificate, and Regent has none (TLS alert 116, certificate required)"},
		{"unknown_ca, and no certificate was asked for", alert(48), fault.StageHandshake, "ended the TLS handshake (TLS alert 48"},
		{"access_denied", alert(49), fault.StageHandshake, "ended the TLS handshake (TLS alert 49"},
		{"unrecognized_name", alert(112), fault.StageName, "does not know the name 127.0.0.1 (TLS alert 112"},
		{"no_application_protocol", alert(120), fault.StageHandshake, "ended the TLS handshake (TLS alert 120, no application protocol)"},
		{"a number without a name", alert(200), fault.StageHandshake, "ended the TLS handshake (TLS alert 200"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = c.Read(make([]byte, 4096)) // the client's hello
					_, _ = c.Write(tt.sent)
					_ = c.Close()
				}
			}()
			defer l.Close()
			wantDiagnosis(t, "https://"+l.Addr().String(), nil, tt.want, tt.says)
		})
	}
}

// SilentPeer dials a peer that reads everything and never answers.
func SilentPeer(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }() // until the client gives up
	return ours, nil
}

// TestHandshakeWithoutAnAnswer: a server that takes the connection and stays silent is
// not one that takes none.
func TestHandshakeWithoutAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Options{Tenant: "https://127.0.0.1", Proxy: "none", Now: time.Now, Dial: SilentPeer})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		look := c.Diagnose(t.Context())
		if look.Stage != fault.StageHandshake || !strings.Contains(look.Failure.Error(), "did not answer during the TLS handshake") {
			t.Errorf("stage %s: %v", look.Stage, look.Failure)
		}
	})
}

// wantDiagnosis looks at the service at address, and compares stage and words.
func wantDiagnosis(t *testing.T, address string, trusted *x509.Certificate, want fault.Stage, says string) {
	t.Helper()
	o := Options{Tenant: address, Proxy: "none", Now: time.Now, Timeout: time.Minute}
	if trusted != nil {
		o.ExtraCA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.Raw})
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	l := c.Diagnose(t.Context())
	if l.Failure == nil || l.Stage != want {
		t.Fatalf("stage %s, want %s: %v", l.Stage, want, l.Failure)
	}
	text := l.Failure.Error()
	if !strings.Contains(text, says) {
		t.Errorf("it says %q, which does not contain %q", text, says)
	}
	for _, bad := range []string{"remote error", "tls: ", "x509: ", "EOF"} {
		if strings.Contains(text, bad) {
			t.Errorf("it says %q, in words of a library: %q", text, bad)
		}
	}
}
