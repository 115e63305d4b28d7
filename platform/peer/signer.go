package peer

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// Signer is who signed a program, by a signature that the system verified and
// a certificate that it trusts.
type Signer struct {
	Certificate string      // SHA-256 of the signer's certificate, in lower-case hex
	Subject     []Attribute // whose certificate it is, in the certificate's order
}

// Attribute is a part of a certificate's subject. It has no type of its own, so that a
// Signer converts to the one that decisions are made of.
type Attribute = struct {
	OID   string // its type: "2.5.4.10" is the organisation
	Value string // "" if it is no text
}

// subjectOf reads a subject from its DER form.
func subjectOf(der []byte) ([]Attribute, error) {
	var name pkix.RDNSequence
	rest, err := asn1.Unmarshal(der, &name)
	if err != nil {
		return nil, fmt.Errorf("read the subject of a certificate: %w", err)
	}
	if len(rest) > 0 {
		return nil, errors.New("read the subject of a certificate: more follows it")
	}
	var subject []Attribute
	for _, set := range name {
		for _, a := range set {
			value, _ := a.Value.(string)
			subject = append(subject, Attribute{a.Type.String(), value})
		}
	}
	return subject, nil
}
