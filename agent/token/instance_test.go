package token

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKeys(t *testing.T) {
	id := Instance{Tenant: "demo-host.com:8443", Application: "cad", Number: 2}
	if got, want := id.Key(), "demo-host.com:8443/cad/2"; got != want {
		t.Errorf("Key = %q, want %q", got, want)
	}
	if got, err := ParseInstanceKey(id.Key()); err != nil || got != id {
		t.Errorf("ParseKey = %+v, %v", got, err)
	}
	if got := id.String(); got != "cad/2" {
		t.Errorf("String = %q", got)
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for _, key := range []string{
		"", "/", "cad/1", "/cad/1", "t/cad", "t/cad/", "t/cad/0", "t/cad/-1", "t/cad/+1", "t/cad/01", "t/cad/1/2",
		"t/CAD/1", "t/-cad/1", "t/c d/1", "t//1", "t/cad/10001", "t/cad/99999999999999999999",
		"t/" + strings.Repeat("a", 65) + "/1",
	} {
		if id, err := ParseInstanceKey(key); err == nil {
			t.Errorf("ParseKey(%q) = %+v, want an error", key, id)
		}
	}
}

func TestCheckApplication(t *testing.T) {
	for _, ok := range []string{"a", "0", "cad", "cad-2", "a--b-", strings.Repeat("a", 64)} {
		if err := CheckApplication(ok); err != nil {
			t.Errorf("CheckApplication(%q) = %v", ok, err)
		}
	}
	for _, bad := range []string{"", "-", "Cad", "cäd", "a/b", "a b", "a_b", "..", strings.Repeat("a", 65)} {
		if err := CheckApplication(bad); err == nil {
			t.Errorf("CheckApplication(%q) = nil", bad)
		}
	}
}

// Every pair of a state and what a refresh came to has one answer, and it is this one.
func TestNext(t *testing.T) {
	ends := []State{RefreshLost, RefreshExpired, Revoked}
	for _, s := range States() {
		for _, found := range States() {
			want := s
			switch {
			case found == Live:
				want = Live
			case s == Live || s == Stale:
				if found == Stale || found == Expired || slices.Contains(ends, found) {
					want = found
				}
			case s == Expired && slices.Contains(ends, found):
				want = found
			}
			if got := s.Next(found); got != want {
				t.Errorf("%s, and a refresh came to %s: got %s, want %s", s, found, got, want)
			}
		}
	}
}

// Whatever happens, an auth token that was given up comes back only with a
// token received: by a redemption that somebody decided on.
func TestEndedStatesNeedRedemption(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]State{Revoked, RefreshLost, RefreshExpired}).Draw(t, "state")
		for _, found := range rapid.SliceOf(rapid.SampledFrom(States())).Draw(t, "found") {
			if next := s.Next(found); found != Live && next != s {
				t.Fatalf("%s, and a refresh came to %s: got %s", s, found, next)
			}
		}
		if s.Refreshable() {
			t.Fatalf("%s may be used by itself", s)
		}
	})
}
