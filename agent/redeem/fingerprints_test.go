package redeem_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"regent/agent/redeem"
	"regent/agent/store/storetest"
	"regent/agent/token"
)

// TestFingerprintsAreKept: what was computed once is read from the store at the
// next start. A record of an earlier release has none, and gets it at the first.
func TestFingerprintsAreKept(t *testing.T) {
	s := &storetest.Memory{}
	put := func(name, value string) {
		_, v, _ := s.Get(t.Context(), name)
		if _, err := s.Put(t.Context(), name, []byte(value), v); err != nil {
			t.Fatal(err)
		}
	}
	open := func() *redeem.Registrations {
		r, err := redeem.OpenRegistrations(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	const text, seldom = "of an earlier release", "a credential that nothing needs"
	put("registration/"+host, fmt.Sprintf(`{"scope":{"Tenant":%q},"token":%q}`, host, text))
	first := open()
	want := token.Fingerprint(secret(text))
	if got := first.List()[0].Fingerprint; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	first.CacheFingerprint(t.Context(), secret(seldom))
	for _, one := range []string{text, seldom} {
		b, _, err := s.Get(t.Context(), "fingerprints")
		if err != nil || !strings.Contains(string(b), token.Fingerprint(secret(one))) {
			t.Errorf("sealed: %s, %v: without that of %q", b, err, one)
		}
	}
	// Only the sealed record has these.
	put("fingerprints", fmt.Sprintf(`[{"sum":"%x","fingerprint":"0123456789ab"}]`, sha256.Sum256([]byte(text))))
	if got := open().List()[0].Fingerprint; got != "0123456789ab" {
		t.Errorf("after a restart: got %s, want the one that is sealed", got)
	}
}

// TestLegacyFingerprints: a line of the ledger that an earlier release wrote
// is still known to be of its registration token.
func TestLegacyFingerprints(t *testing.T) {
	r, err := redeem.OpenRegistrations(t.Context(), &storetest.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ba7816bf", token.Fingerprint(secret("abc"))} { // SHA-256 of abc
		entries := []redeem.Entry{{Kind: redeem.Intent, ID: "a", Registration: name}, {Kind: redeem.Confirmed, ID: "a"}}
		if !redeem.HasRedeemed(entries, r.Fingerprints(secret("abc"))) || redeem.HasRedeemed(entries, r.Fingerprints(secret("abd"))) {
			t.Errorf("%s is not taken for the fingerprint of abc alone", name)
		}
	}
}
