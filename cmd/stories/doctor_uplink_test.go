//go:build unix

package stories

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// uplink is a wire to the service, which can be cut, or led elsewhere.
type uplink struct {
	ln net.Listener

	mu       sync.Mutex
	upstream string
	terminal *tls.Config // of somebody who opens TLS on the way; nil for nobody
}

func newUplink(t *testing.T) *uplink {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &uplink{ln: ln}
	var carrying sync.WaitGroup
	carrying.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			carrying.Go(func() { l.carry(c) })
		}
	})
	t.Cleanup(func() {
		l.cut()
		carrying.Wait()
	})
	return l
}

// to is for newTestDevice.
func (l *uplink) to(address string) string {
	l.redirect(address)
	return l.ln.Addr().String()
}

func (l *uplink) redirect(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.upstream = address
}

func (l *uplink) open(by *tls.Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.terminal = by
}

func (l *uplink) cut() { _ = l.ln.Close() } // a second time says that it was

func (l *uplink) carry(near net.Conn) {
	l.mu.Lock()
	upstream, terminal := l.upstream, l.terminal
	l.mu.Unlock()
	far, err := net.Dial("tcp", upstream)
	if err != nil {
		_ = near.Close()
		return
	}
	if terminal != nil {
		near = tls.Server(near, terminal)
		far = tls.Client(far, &tls.Config{InsecureSkipVerify: true})
	}
	var both sync.WaitGroup
	for _, way := range [2][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1]) // it ends when either side does
			_ = near.Close()
			_ = far.Close()
		})
	}
	both.Wait()
}

// tlsInspector is a security product that opens TLS connections: its authority, and
// what makes a certificate for every name.
func tlsInspector(t *testing.T) (ca string, terminal *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"Example Inspection"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	signed, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	mint := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		if hello.ServerName != "" {
			leaf.DNSNames = []string{hello.ServerName}
		}
		made, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{made, signed}, PrivateKey: key}, err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})), &tls.Config{GetCertificate: mint}
}
