package authz

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Signer is the signer of a program. The system verified the signature and the certificate.
type Signer struct {
	Certificate string      // SHA-256 of the certificate, in lower-case hex
	Subject     []Attribute // of the certificate
}

// Attribute is a part of a certificate's subject. It has no type of its own, so that the
// platform's signer converts to a Signer.
type Attribute = struct {
	OID   string // its type: "2.5.4.10" is the organization
	Value string
}

// sha256Prefix stands before the SHA-256 of a certificate in a rule.
const sha256Prefix = "sha256:"

// maxSubject is the largest part of a subject in a reason, in bytes.
const maxSubject = 100

// String returns the signer in both forms of a rule. It shortens a long subject. It begins
// with the subject's last part, as Windows does.
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

// valuesOf returns all values of one type, sorted. For each type in a rule, the subject must
// have exactly the same values: a second organization makes it another subject.
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

// NormalizeSigner returns the normal form of a signer in a rule: the SHA-256 of its
// certificate, or parts of the certificate's subject. The error says how to correct it.
func NormalizeSigner(word string) (string, error) {
	if sum, ok := strings.CutPrefix(word, sha256Prefix); ok {
		if len(sum) != 64 || !isHex(sum) {
			return "", errors.New("does not have 64 hex digits after sha256:. Get them with " + hashCommand)
		}
		return strings.ToLower(word), nil
	}
	if word != "" && isHex(word) {
		return "", errors.New("has no sha256: before it, or is the SHA-1 thumbprint. Write sha256: and the 64 hex digits of " + hashCommand)
	}
	subject, err := parseSubject(word)
	if err != nil {
		return "", fmt.Errorf("%w. Write the output of %s in quotes, or sha256: and the certificate's SHA-256", err, subjectCommand)
	}
	if !identifiesSigner(subject) {
		return "", errors.New("has neither O (the organization) nor CN, so it would admit many signers. Add one of them, and put all of it in quotes")
	}
	return subjectText(subject), nil
}

// The commands with which an administrator reads the signer of a file.
const (
	subjectCommand = "(Get-AuthenticodeSignature FILE).SignerCertificate.Subject"
	hashCommand    = "(Get-AuthenticodeSignature FILE).SignerCertificate.GetCertHashString('SHA256')"
)

// identifiesSigner reports whether a subject has an organization or a common name.
func identifiesSigner(subject []Attribute) bool {
	return slices.ContainsFunc(subject, func(a Attribute) bool { return a.OID == organization || a.OID == commonName })
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdefABCDEF") == "" }
