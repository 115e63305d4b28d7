package tms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// authority makes a certificate that signs itself.
func authority(t *testing.T, name string, ends time.Time, isCA bool) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: ends.Add(-48 * time.Hour), NotAfter: ends, IsCA: isCA, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// csr makes a request for a certificate, in DER.
func csr(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(der)
}

// TestReadBundle: every block is read, or named with its line.
func TestReadBundle(t *testing.T) {
	now := time.Now()
	ours, other := authority(t, "ours", now.Add(time.Hour), true), authority(t, "other", now.Add(time.Hour), true)
	n := strings.Count(other, "\n") // lines before what follows other
	block, _ := pem.Decode([]byte(ours))
	wide := func(order func(byte, byte) []byte) string {
		var b []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + ours)) {
			b = append(b, order(byte(u), byte(u>>8))...)
		}
		return string(b)
	}
	after := fmt.Sprintf("line %d: ", n+1)
	for _, tt := range []struct {
		name, in string
		certs    int
		want     string // in the only remark, or with no certificate in the error
	}{
		{"one", ours, 1, ""},
		{"comments", "# ours\nSubject: ours\n" + ours + "\n==== other\n" + other, 2, ""},
		{"a byte order mark", "\xef\xbb\xbf" + ours + other, 2, ""},
		{"CRLF", strings.ReplaceAll(ours+other, "\n", "\r\n"), 2, ""},
		{"indented", other + "  " + strings.ReplaceAll(ours, "\n", "\n\t "), 2, ""},
		{"X509", strings.ReplaceAll(ours, "CERT", "X509 CERT"), 1, ""},
		{"cut short", other + ours[:200], 1, after + "is cut short"},
		{"cut short before another", ours[:200] + "\n" + other, 1, "line 1: is cut short"},
		{"no BEGIN", other + ours[28:], 1, after + "looks like a part"},
		{"trusted", other + strings.ReplaceAll(ours, "CERT", "TRUSTED CERT"), 1, after + "is an OpenSSL TRUSTED"},
		{"a key", other + "-----BEGIN EC PRIVATE KEY-----\nSECRET\n-----END EC PRIVATE KEY-----\n", 1, after + "is a private key"},
		{"a list of revocations", other + strings.ReplaceAll(ours, "CERTIFICATE", "X509 CRL"), 1, after + "is no CERTIFICATE block"},
		{"damaged", other + strings.Replace(ours, "M", "*", 1), 1, after + "its base64 is damaged"},
		{"not a certificate", other + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 1, after + "cannot be read as a certificate"},
		{"half a boundary", other + "----BEGIN CERTIFICATE----\n", 1, after + "looks like a part"},
		{"twice", other + other, 2, after + "is the same certificate as on line 1"},
		{"expired", other + authority(t, "old", now.Add(-time.Hour), true), 2, after + "the certificate expired on"},
		{"not yet", other + authority(t, "new", now.Add(72*time.Hour), true), 2, after + "the certificate is not valid before"},
		{"no authority", other + authority(t, "leaf", now.Add(time.Hour), false), 2, after + "the certificate is no authority's"},
		{"CR alone ends the lines", strings.ReplaceAll(ours+other, "\n", "\r"), 2, ""},
		{"CR and LF mixed", strings.ReplaceAll(ours, "\n", "\r") + other, 2, ""},
		{"no line end between two blocks", strings.TrimSpace(ours) + other, 2, ""},
		{"all in one line", strings.ReplaceAll(ours, "\n", ""), 0, "holds no certificate in PEM form; line 1: is all in one line; "},
		{"all in one line, with spaces", other + strings.ReplaceAll(ours, "\n", " "), 1, after + "is all in one line; "},
		{"two in one line", strings.ReplaceAll(ours+ours, "\n", ""), 0, "holds no certificate in PEM form; line 1: is all in one line; "},
		{"newlines written out", strings.ReplaceAll(ours, "\n", `\n`), 0, "holds no certificate in PEM form; line 1: is all in one line; "},
		{"END behind the base64", other + strings.Replace(ours, "\n-----END", "-----END", 1), 1, after + "its END does not stand on a line of its own"},
		{"in quotes, in one line", `ca: "` + strings.ReplaceAll(ours, "\n", `\n`) + `"`, 0, "holds no certificate in PEM form; line 1: is all in one line; "},
		{"PKCS#7", other + strings.ReplaceAll(ours, "CERTIFICATE", "PKCS7"), 1, after + "is PKCS#7 and is not read; convert it: openssl pkcs7 -in FILE -print_certs -out FILE.pem"},
		{"PKCS#7, as OpenSSL 3 may name it", other + strings.ReplaceAll(ours, "CERTIFICATE", "CMS"), 1, after + "is PKCS#7"},
		{"a request", other + strings.ReplaceAll(ours, "CERTIFICATE", "CERTIFICATE REQUEST"), 1, after + "is a request for a certificate (CSR)"},
		{"a request of old", other + strings.ReplaceAll(ours, "CERTIFICATE", "NEW CERTIFICATE REQUEST"), 1, after + "is a request for a certificate (CSR)"},
		{"empty", "", 0, "holds no certificate"},
		{"a key alone", "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n", 0, "holds no certificate in PEM form; line 1: is a private key"},
		{"DER", string(block.Bytes), 0, "is DER and not PEM"},
		{"PKCS#7 in DER", "\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0", 0, "is PKCS#7 and not PEM; convert it: openssl pkcs7 -inform der"},
		{"PKCS#12", "\x30\x82\x01\x00\x02\x01\x03\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0", 0, "is PKCS#12 and not PEM"},
		{"a request in DER", csr(t), 0, "is a request for a certificate (CSR)"},
		{"a key in one line", other + "-----BEGIN PRIVATE KEY-----SECRET-----END PRIVATE KEY-----\n", 1, after + "is a private key"},
		{"UTF-16", wide(func(low, high byte) []byte { return []byte{low, high} }), 0, "is UTF-16"},
		{"UTF-16, big end first", wide(func(low, high byte) []byte { return []byte{high, low} }), 0, "is UTF-16"},
	} {
		b, err := ReadBundle([]byte(tt.in), now)
		said := ""
		switch {
		case err != nil:
			said = err.Error()
		case len(b.Remarks) > 0:
			said = b.Remarks[0].String()
		}
		if len(b.Certificates) != tt.certs || len(b.Remarks) > 1 || !strings.HasPrefix(said, tt.want) || tt.want == "" && said != "" || strings.Contains(said, "SECRET") {
			t.Errorf("%s: got %d certificates, %v, %v, want %d and %q", tt.name, len(b.Certificates), b.Remarks, err, tt.certs, tt.want)
		}
	}
}

// FuzzBundle: each BEGIN line comes to a certificate or a remark, and nothing of
// the content is said.
func FuzzBundle(f *testing.F) {
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := ReadBundle(content, time.Time{})
		said := ""
		if err != nil {
			said = err.Error()
		}
		for _, r := range b.Remarks {
			said += r.Text
		}
		if (err == nil) != (len(b.Certificates) > 0) || strings.Contains(said, "canary") {
			t.Errorf("%d certificates, %v: %s", len(b.Certificates), err, said)
		}
		if n := strings.Count("\n"+string(content), "\n-----BEGIN CERTIFICATE-----\n"); err == nil && n < maxRemarks && len(b.Certificates)+len(b.Remarks) < n {
			t.Errorf("%d blocks, of which %d were read and %d remarked on", n, len(b.Certificates), len(b.Remarks))
		}
	})
}
