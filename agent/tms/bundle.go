package tms

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bundle is the content of a file of certificate authorities. Every block is among the
// certificates or among the remarks.
type Bundle struct {
	Certificates []*x509.Certificate
	Lines        []int // on which each of Certificates begins, from 1
	Remarks      []Remark
}

// Remark describes a fault of a part of a bundle.
type Remark struct {
	Line int // on which the part begins, from 1
	Text string
	Used bool // the certificate is trusted all the same
}

// String returns "line 3: …".
func (r Remark) String() string { return fmt.Sprintf("line %d: %s", r.Line, r.Text) }

// ReadBundle reads PEM certificates. It accepts a byte order mark, indents, any line end
// and text between the blocks. It fails if there is no certificate at all. Errors and
// remarks contain nothing of the content.
func ReadBundle(data []byte, now time.Time) (Bundle, error) {
	var b Bundle
	if what := otherFormat(data); what != "" {
		return b, errors.New(what)
	}
	p := bundleReader{bundle: &b, now: now}
	text := string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	for i, line := range strings.Split(lineEnds.Replace(text), "\n") {
		for _, part := range splitJoined(strings.TrimSpace(line)) {
			p.line(i+1, part)
		}
	}
	if p.kind != "" {
		p.remark("is cut short: no END line follows; copy the certificate again")
	}
	if len(b.Certificates) > 0 {
		return b, nil
	}
	why := []string{"holds no certificate in PEM form"}
	for _, r := range b.Remarks {
		why = append(why, r.String())
	}
	return b, errors.New(strings.Join(why, "; "))
}

// otherFormat names the format of a file that is not UTF-8 text; "" if it is unknown.
func otherFormat(data []byte) string {
	pkcs7 := []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07} // OIDs of PKCS#7 content, RFC 2315
	_, content, _ := bytes.Cut(data[:min(len(data), 32)], pkcs7)
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}), bytes.IndexByte(data, 0) >= 0 && bytes.Contains(data, []byte("B\x00E\x00G\x00I\x00N")):
		return "is UTF-16 text; save it as UTF-8"
	case len(data) == 0 || data[0] != 0x30: // no sequence of DER
		return ""
	case bytes.HasPrefix(content, []byte{1}): // data alone, as PKCS#12 wraps
		return "is PKCS#12 and not PEM; take the certificates out of it: openssl pkcs12 -in FILE -cacerts -nokeys -out FILE.pem"
	case bytes.HasPrefix(content, []byte{2}): // signed data
		return "is PKCS#7 and not PEM; convert it: openssl pkcs7 -inform der -in FILE -print_certs -out FILE.pem"
	}
	if _, err := x509.ParseCertificates(data); err == nil {
		return "is DER and not PEM; convert it: openssl x509 -inform der -in FILE -out FILE.pem"
	}
	if _, err := x509.ParseCertificateRequest(data); err == nil {
		return requestRemark
	}
	return ""
}

// requestRemark is said of a request, in any form.
const requestRemark = "is a request for a certificate (CSR) and no certificate; put the authority's own certificate in its place. To see whose it is: openssl req -in FILE -noout -subject"

// lineEnds makes one line end of all.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// splitJoined has an END and a BEGIN line that stand in one line as two: of files that
// were joined, the first may have no line end at its end.
func splitJoined(s string) []string {
	end, begin, both := strings.Cut(s, "----------BEGIN ")
	if !both || !strings.HasPrefix(s, "-----END ") {
		return []string{s}
	}
	return []string{end + "-----", "-----BEGIN " + begin}
}

// maxRemarks bounds the remarks about one file.
const maxRemarks = 20

// bundleReader reads a bundle line by line.
type bundleReader struct {
	bundle *Bundle
	now    time.Time
	kind   string // of the block that was begun; "" outside of one
	began  int
	body   strings.Builder
	loose  bool // the line before was of no block, and was remarked on
}

func (p *bundleReader) remark(text string) { p.remarkOn(text, false) }

func (p *bundleReader) remarkOn(text string, used bool) {
	if len(p.bundle.Remarks) < maxRemarks {
		p.bundle.Remarks = append(p.bundle.Remarks, Remark{p.began, text, used})
	}
}

func (p *bundleReader) line(n int, s string) {
	_, first, hasBegin := strings.Cut(s, "-----BEGIN ")
	hasEnd := strings.Contains(s, "-----END ")
	kind, begins := boundary(s, "BEGIN")
	ends, isEnd := boundary(s, "END")
	switch {
	case hasBegin && hasEnd, begins:
		if p.kind != "" {
			p.remark("is cut short: another block begins before its END line; copy the certificate again")
		}
		p.kind, p.began, p.loose = kind, n, false
		p.body.Reset()
		if hasEnd {
			p.singleLine(first)
		}
	case isEnd && p.kind == ends:
		p.endBlock()
		p.kind = ""
	case isEnd && p.loose: // that was remarked on
		p.loose = false
	case isEnd:
		if p.kind == "" {
			p.began = n
		}
		p.remark("END without its BEGIN; copy the certificate again")
		p.kind = ""
	case p.kind != "" && hasEnd:
		p.remark("its END does not stand on a line of its own; give it one")
		p.kind = ""
	case p.kind != "" && !strings.Contains(s, ":"): // a header of the block has one
		p.body.WriteString(s)
	case p.kind == "" && !p.loose && isStray(s):
		p.began, p.loose = n, true
		p.remark("looks like a part of a certificate that is in no block; copy the certificate again, with its BEGIN and END lines")
	}
}

// singleLine says that a whole block, or more than one, stands in one line. text follows
// the first BEGIN.
func (p *bundleReader) singleLine(text string) {
	if kind, _, _ := strings.Cut(text, "-----"); strings.HasSuffix(kind, privateKey) {
		p.remark(privateKeyRemark)
	} else {
		p.remark("is all in one line; put its BEGIN line, its base64 and its END line on lines of their own")
	}
	p.kind = ""
}

// The remarks about a private key, in any form.
const (
	privateKey       = "PRIVATE KEY"
	privateKeyRemark = "is a private key, which does not belong here and is not used; remove it"
)

// boundary reads -----BEGIN KIND----- and the like.
func boundary(s, word string) (kind string, is bool) {
	s, begins := strings.CutPrefix(s, "-----"+word+" ")
	s, ends := strings.CutSuffix(s, "-----")
	return s, begins && ends && s != ""
}

// isStray reports whether a line outside of a block is no comment: half a boundary,
// or base64.
func isStray(s string) bool {
	if strings.Contains(s, "--") && (strings.Contains(s, "BEGIN") || strings.Contains(s, "END")) {
		return true
	}
	_, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(s) >= 60
}

// unread lists the kinds of blocks without a certificate, by the ends of their names, and
// the remark for each.
var unread = []struct{ kind, text string }{
	{privateKey, privateKeyRemark},
	{"TRUSTED CERTIFICATE", "is an OpenSSL TRUSTED CERTIFICATE and is not read; convert it: openssl x509 -in FILE -out FILE.pem"},
	{"PKCS7", pkcs7Remark},
	{"CMS", pkcs7Remark},
	{"PKCS #7 SIGNED DATA", pkcs7Remark},
	{"CERTIFICATE REQUEST", requestRemark},
}

const pkcs7Remark = "is PKCS#7 and is not read; convert it: openssl pkcs7 -in FILE -print_certs -out FILE.pem"

// endBlock takes the block that ends here.
func (p *bundleReader) endBlock() {
	for _, u := range unread {
		if strings.HasSuffix(p.kind, u.kind) {
			p.remark(u.text)
			return
		}
	}
	if p.kind != "CERTIFICATE" && p.kind != "X509 CERTIFICATE" {
		p.remark("is no CERTIFICATE block and is not read; remove it, or put the certificate in its place")
		return
	}
	der, err := base64.StdEncoding.DecodeString(p.body.String())
	if err != nil {
		p.remark("its base64 is damaged; copy the certificate again")
	} else if c, err := x509.ParseCertificate(der); err != nil {
		p.remark("cannot be read as a certificate; copy it again")
	} else {
		p.addCertificate(c)
	}
}

// addCertificate adds a certificate, and remarks on reasons why it may not help.
func (p *bundleReader) addCertificate(c *x509.Certificate) {
	text, same := "", slices.IndexFunc(p.bundle.Certificates, c.Equal)
	switch {
	case same >= 0:
		text = fmt.Sprintf("is the same certificate as on line %d", p.bundle.Lines[same])
	case p.now.After(c.NotAfter):
		text = "the certificate expired on " + c.NotAfter.UTC().Format(time.DateOnly)
	case p.now.Before(c.NotBefore):
		text = "the certificate is not valid before " + c.NotBefore.UTC().Format(time.DateOnly)
	case c.BasicConstraintsValid && !c.IsCA:
		text = "the certificate is no authority's, so it vouches for itself alone"
	}
	p.bundle.Certificates = append(p.bundle.Certificates, c)
	p.bundle.Lines = append(p.bundle.Lines, p.began)
	if text != "" {
		p.remarkOn(text, true)
	}
}

// maxNamed bounds how many certificates a diagnosis names.
const maxNamed = 5

// summarize says which blocks were read and which were not.
func (b Bundle) summarize() string {
	var said []string
	for i, c := range b.Certificates[:min(maxNamed, len(b.Certificates))] {
		said = append(said, fmt.Sprintf("line %d %q", b.Lines[i], redactor{}.text(c.Subject.String())))
	}
	text := fmt.Sprintf("the CA file gave %d: %s", len(b.Certificates), strings.Join(said, ", "))
	if len(b.Certificates) > maxNamed {
		text += " and others"
	}
	all := []string{text}
	for _, r := range b.Remarks {
		all = append(all, r.String())
	}
	return strings.Join(all, "; ")
}
