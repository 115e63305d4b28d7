package peer

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// Signer is the signer of a program. The system has verified the signature and trusts its
// certificate.
type Signer struct {
	Certificate string      // SHA-256 of the signer's certificate, in lower-case hex
	Subject     []Attribute // the certificate's subject, in the certificate's order
}

// Attribute is a part of a certificate's subject. It is an unnamed type, so that a Signer
// converts to the type that rules use.
type Attribute = struct {
	OID   string // for example "2.5.4.10", the organization
	Value string // "" if the value is not text
}

// subjectOf parses the DER form of a subject.
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
