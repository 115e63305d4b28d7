package peer

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSubject(t *testing.T) {
	name := pkix.Name{Country: []string{"DE"}, Organization: []string{"Exämple, Inc."}, OrganizationalUnit: []string{"a", "b"}, CommonName: "Example"}
	der, err := asn1.Marshal(name.ToRDNSequence())
	if err != nil {
		t.Fatal(err)
	}
	got, err := subjectOf(der)
	if err != nil {
		t.Fatal(err)
	}
	want := []Attribute{{"2.5.4.6", "DE"}, {"2.5.4.10", "Exämple, Inc."}, {"2.5.4.11", "a"}, {"2.5.4.11", "b"}, {"2.5.4.3", "Example"}}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("got, want:\n%s", diff)
	}
	for what, bad := range map[string][]byte{"half of it": der[:len(der)/2], "more than it": append(der, 0), "nothing": nil} {
		if got, err := subjectOf(bad); err == nil {
			t.Errorf("%s: got %v, want an error", what, got)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Fuzz(func(t *testing.T, der []byte) {
		subject, err := subjectOf(der)
		if err != nil {
			return
		}
		for _, a := range subject {
			if a.OID == "" {
				t.Errorf("%x: a part of no type: %+v", der, subject)
			}
		}
	})
}
