package instance

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKeys(t *testing.T) {
	id := ID{Tenant: "demo-host.com:8443", Application: "cad", Number: 2}
	if got, want := id.Key(), "demo-host.com:8443/cad/2"; got != want {
		t.Errorf("Key = %q, want %q", got, want)
	}
	if got, err := ParseKey(id.Key()); err != nil || got != id {
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
		if id, err := ParseKey(key); err == nil {
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

// Every pair of a state and an event has one answer, and it is this one.
func TestTransitions(t *testing.T) {
	want := map[State]map[Event]State{
		Unredeemed:     {TokenReceived: Live, AnswerLost: Uncertain},
		Uncertain:      {TokenReceived: Live, AnswerLost: Uncertain, Resolved: Unredeemed},
		Live:           {TokenReceived: Live, RefreshFailed: Stale, AccessTokenExpired: Expired, RefreshTokenLost: RefreshLost, RefreshTokenExpired: RefreshExpired, AuthTokenRevoked: Revoked},
		Stale:          {TokenReceived: Live, RefreshFailed: Stale, AccessTokenExpired: Expired, RefreshTokenLost: RefreshLost, RefreshTokenExpired: RefreshExpired, AuthTokenRevoked: Revoked},
		Expired:        {TokenReceived: Live, RefreshFailed: Expired, AccessTokenExpired: Expired, RefreshTokenLost: RefreshLost, RefreshTokenExpired: RefreshExpired, AuthTokenRevoked: Revoked},
		RefreshLost:    {TokenReceived: Live, AnswerLost: Uncertain},
		RefreshExpired: {TokenReceived: Live, AnswerLost: Uncertain},
		Revoked:        {TokenReceived: Live, AnswerLost: Uncertain},
	}
	for _, s := range States() {
		for _, e := range Events() {
			next, ok := want[s][e]
			if got, may := s.Next(e); may != ok || got != next {
				t.Errorf("%s on %s = %q, %v; want %q, %v", s, e, got, may, next, ok)
			}
		}
	}
	if len(want) != len(States()) {
		t.Errorf("%d states are tested, there are %d", len(want), len(States()))
	}
}

// Whatever happens, an auth token that was given up comes back only with a
// token received: by a redemption that somebody decided on.
func TestEndedStatesNeedRedemption(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SampledFrom([]State{Revoked, RefreshLost, RefreshExpired}).Draw(t, "state")
		for _, e := range rapid.SliceOf(rapid.SampledFrom(Events())).Draw(t, "events") {
			if e == TokenReceived || e == AnswerLost {
				continue
			}
			if next, ok := s.Next(e); ok {
				t.Fatalf("%s on %s becomes %s", s, e, next)
			}
		}
		if s.Refreshable() || s.Redeemable() {
			t.Fatalf("%s may be used by itself", s)
		}
	})
}
