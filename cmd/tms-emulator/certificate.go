package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"time"
)

// certificateLife is longer than an emulator runs, and short enough for the verifiers of all
// systems.
const certificateLife = 365 * 24 * time.Hour

// newAuthority creates a certificate authority: its key, then its certificate, as PEM.
func newAuthority(now time.Time) ([]byte, error) {
	return newCertificate(now, &x509.Certificate{
		Subject: pkix.Name{CommonName: "tms-emulator certificate authority"},
		IsCA:    true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil)
}

// newServer creates a certificate for localhost and the given hosts, names or addresses.
func newServer(now time.Time, hosts []string, by *tls.Certificate) ([]byte, error) {
	t := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "tms-emulator"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range append([]string{"localhost", "127.0.0.1", "::1"}, hosts...) {
		if ip := net.ParseIP(host); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, host)
		}
	}
	return newCertificate(now, t, by)
}

// newCertificate creates a key and its certificate in the form for [tls.X509KeyPair]. by
// signs it; without by it is self-signed.
func newCertificate(now time.Time, t *x509.Certificate, by *tls.Certificate) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	t.NotBefore = now.Add(-time.Hour) // a client's clock may be behind
	t.NotAfter = now.Add(certificateLife)
	if by == nil {
		by = &tls.Certificate{Leaf: t, PrivateKey: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, by.Leaf, key.Public(), by.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), certificatePEM(der)...), nil
}

func certificatePEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
