package redeem_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/token"
)

var sameSecret = cmp.Comparer(func(a, b token.Secret) bool { return a.Equal(b) })

// newRegistrationToken is a registration token in which much is set.
func newRegistrationToken(application, text string) redeem.RegistrationToken {
	return redeem.RegistrationToken{
		Scope: redeem.Scope{Tenant: host, Application: application}, Token: secret(text),
		Fingerprint: token.Fingerprint(secret(text)), Source: "file", ReceivedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

func openRegistrations(t *testing.T, s store.Store) *redeem.Registrations {
	t.Helper()
	r, err := redeem.OpenRegistrations(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func storeRegistration(t *testing.T, r *redeem.Registrations, h redeem.RegistrationToken) {
	t.Helper()
	if err := r.Store(t.Context(), h); err != nil {
		t.Fatal(err)
	}
}

// wantRegistrations says what is held in memory and what the next run finds.
func wantRegistrations(t *testing.T, r *redeem.Registrations, s store.Store, want ...redeem.RegistrationToken) {
	t.Helper()
	if diff := cmp.Diff(r.List(), want, sameSecret); diff != "" {
		t.Errorf("in memory: got -, want +:\n%s", diff)
	}
	if diff := cmp.Diff(openRegistrations(t, s).List(), want, sameSecret); diff != "" {
		t.Errorf("sealed: got -, want +:\n%s", diff)
	}
}

func TestRegistrations(t *testing.T) {
	s := &storetest.Memory{}
	r := openRegistrations(t, s)
	common, own := newRegistrationToken("", "SENTINEL-common"), newRegistrationToken("cad", "SENTINEL-own")
	storeRegistration(t, r, own)
	storeRegistration(t, r, common)
	wantRegistrations(t, r, s, common, own)
	for application, want := range map[string]redeem.RegistrationToken{"cad": own, "cam": common, "": common} {
		if got, ok := r.ForScope(redeem.Scope{Tenant: host, Application: application}); !ok || got.Fingerprint != want.Fingerprint {
			t.Errorf("For %q: got %v, %t, want %v", application, got, ok, want)
		}
	}
	if got, ok := r.ForScope(redeem.Scope{Tenant: "other-host.com", Application: "cad"}); ok {
		t.Errorf("another tenant: got %v", got)
	}
	if text := fmt.Sprintf("%v %+v %#v", r, r.List(), own); strings.Contains(text, "SENTINEL") {
		t.Errorf("a secret is shown: %s", text)
	}
	if err := r.Delete(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	wantRegistrations(t, r, s, common)
}

func TestSetRefusal(t *testing.T) {
	s := &storetest.Memory{}
	r := openRegistrations(t, s)
	h := newRegistrationToken("", "one")
	storeRegistration(t, r, h)
	at := h.ReceivedAt.Add(time.Hour)
	if err := r.SetRefusal(t.Context(), h, fault.RegistrationExpired, "too late", at); err != nil {
		t.Fatal(err)
	}
	refused := h
	refused.Refused, refused.RefusedText, refused.RefusedAt = fault.RegistrationExpired, "too late", at
	wantRegistrations(t, r, s, refused)
}

// TestConcurrentRegistration is neither refused nor dropped in the place of what was
// seen: another token, or the same one given again.
func TestConcurrentRegistration(t *testing.T) {
	seen := newRegistrationToken("", "one")
	again := seen
	again.ReceivedAt = seen.ReceivedAt.Add(time.Second)
	another := newRegistrationToken("", "another")
	another.Fallback = redeem.FallbackToken{Token: seen.Token, Source: seen.Source, ReceivedAt: seen.ReceivedAt}
	for _, now := range []redeem.RegistrationToken{another, again} {
		s := &storetest.Memory{}
		r := openRegistrations(t, s)
		storeRegistration(t, r, seen)
		storeRegistration(t, r, now)
		if err := r.SetRefusal(t.Context(), seen, fault.RegistrationExpired, "too late", seen.ReceivedAt); err != nil {
			t.Error(err)
		}
		if err := r.Delete(t.Context(), seen); err != nil {
			t.Error(err)
		}
		wantRegistrations(t, r, s, now)
	}
}

func TestRegistrationsOnAFullDisk(t *testing.T) {
	s := &faultyStore{}
	r := openRegistrations(t, s)
	one, two := newRegistrationToken("", "one"), newRegistrationToken("", "two")
	storeRegistration(t, r, one)
	s.FailNext(storetest.Put, errFull)
	if err := r.Store(t.Context(), two); !errors.Is(err, errFull) {
		t.Errorf("Keep: got %v, want %v", err, errFull)
	}
	s.FailNext(storetest.Delete, errFull)
	if err := r.Delete(t.Context(), one); !errors.Is(err, errFull) {
		t.Errorf("Drop: got %v, want %v", err, errFull)
	}
	wantRegistrations(t, r, s, one)
	s.inject(storeFault{puts: 1}) // it fails after it took effect
	if err := r.Store(t.Context(), two); !errors.Is(err, errFull) {
		t.Errorf("Keep: got %v, want %v", err, errFull)
	}
	storeRegistration(t, r, two)
	two.Fallback = redeem.FallbackToken{Token: one.Token, Source: one.Source, ReceivedAt: one.ReceivedAt}
	wantRegistrations(t, r, s, two)
}

// TestOpenRegistrationsReportsBadOne names it, and leaves it as it is.
func TestOpenRegistrationsReportsBadOne(t *testing.T) {
	for name, value := range map[string]string{
		"registration/" + host:           "no JSON",
		"registration/" + host + "/cad":  `{"scope":{"Tenant":"other-host.com","Application":"cad"},"token":"SENTINEL"}`,
		"registration/other-host.com":    `{"scope":{"Tenant":"other-host.com"},"token":7}`,
		"registration/" + host + "/none": `{}`,
	} {
		s := &storetest.Memory{}
		storeRegistration(t, openRegistrations(t, s), newRegistrationToken("cam", "good"))
		if _, err := s.Put(t.Context(), name, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
		_, err := redeem.OpenRegistrations(t.Context(), s)
		if bad, ok := errors.AsType[*store.UnreadableError](err); !ok || bad.Name != name || strings.Contains(err.Error(), "SENTINEL") {
			t.Errorf("%s: got %v", name, err)
		}
		if got, _, err := s.Get(t.Context(), name); err != nil || string(got) != value {
			t.Errorf("%s: it was changed: %q, %v", name, got, err)
		}
	}
}
