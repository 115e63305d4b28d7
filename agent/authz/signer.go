package authz

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Signer is who signed a program, by a signature and a certificate that the
// system has verified.
type Signer struct {
	Certificate string      // SHA-256 of the certificate, in lower-case hex
	Subject     []Attribute // whose it is, as the certificate has it
}

// Attribute is a part of a certificate's subject. It has no type of its own, so that the
// platform's signer converts to a Signer.
type Attribute = struct {
	OID   string // its type: "2.5.4.10" is the organisation
	Value string
}

// sha256Prefix is before a certificate's SHA-256 where a rule names a signer.
const sha256Prefix = "sha256:"

// maxSubject is how many bytes of a subject a reason has.
const maxSubject = 100

// String writes it as a rule may name it, both ways, a long subject cut short. It
// begins with the subject's last part, as Windows does.
func (s Signer) String() string {
	subject := slices.Clone(s.Subject)
	slices.Reverse(subject)
	return shorten(subjectText(subject), maxSubject) + " (" + sha256Prefix + s.Certificate + ")"
}

// matches reports whether a rule's word means this signer.
func (s Signer) matches(word string) bool {
	if sum, ok := strings.CutPrefix(word, sha256Prefix); ok {
		return sum != "" && strings.EqualFold(sum, s.Certificate)
	}
	wanted, err := parseSubject(word)
	if err != nil || !identifiesSigner(wanted) {
		return false
	}
	return !slices.ContainsFunc(wanted, func(a Attribute) bool {
		return !slices.Equal(valuesOf(a.OID, wanted), valuesOf(a.OID, s.Subject))
	})
}

// valuesOf returns all values of one type, sorted. Of each type that a rule names
// a subject has exactly those: a second organisation makes it another subject.
func valuesOf(oid string, subject []Attribute) []string {
	var values []string
	for _, a := range subject {
		if a.OID == oid {
			values = append(values, a.Value)
		}
	}
	slices.Sort(values)
	return values
}

// NormalizeSigner returns a signer, as a rule names it, in its normal form: the
// SHA-256 of its certificate, or parts of that certificate's subject. The error
// says what is wrong, and what to write instead.
func NormalizeSigner(word string) (string, error) {
	if sum, ok := strings.CutPrefix(word, sha256Prefix); ok {
		if len(sum) != 64 || !isHex(sum) {
			return "", errors.New("has not 64 hex digits after sha256:; write those of " + hashCommand)
		}
		return strings.ToLower(word), nil
	}
	if word != "" && isHex(word) {
		return "", errors.New("has no sha256: before it, or is the SHA-1 thumbprint; write sha256: and the 64 hex digits of " + hashCommand)
	}
	subject, err := parseSubject(word)
	if err != nil {
		return "", fmt.Errorf("%w; write what %s prints, in quotes as one text, or sha256: and its certificate's SHA-256", err, subjectCommand)
	}
	if !identifiesSigner(subject) {
		return "", errors.New("names neither O (the organisation) nor CN, so it would admit many; add one of them, with the whole in quotes as one text")
	}
	return subjectText(subject), nil
}

// What an administrator reads a signer off a file with.
const (
	subjectCommand = "(Get-AuthenticodeSignature FILE).SignerCertificate.Subject"
	hashCommand    = "(Get-AuthenticodeSignature FILE).SignerCertificate.GetCertHashString('SHA256')"
)

// identifiesSigner reports whether a subject says who, and not only where.
func identifiesSigner(subject []Attribute) bool {
	return slices.ContainsFunc(subject, func(a Attribute) bool { return a.OID == organisation || a.OID == commonName })
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
