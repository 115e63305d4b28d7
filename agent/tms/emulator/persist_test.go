package emulator_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/emulator"
)

// restarted is a fixture on a store, as it comes up after the one before ended.
func restarted(t *testing.T, path string, knobs emulator.Knobs) *fixture {
	t.Helper()
	s, err := emulator.OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	f := &fixture{t: t, now: startTime}
	f.Emulator, err = emulator.New(emulator.Options{Knobs: acceptBare(knobs), Now: f.clock, Store: s})
	if err != nil {
		t.Fatal(err)
	}
	f.store = s
	return f
}

func (f *fixture) stop(t *testing.T) {
	t.Helper()
	if err := f.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRestartKeepsEverything: counts, tokens, sessions, keys and the password.
func TestRestartKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	f := restarted(t, path, emulator.Knobs{})
	admin, registration := f.admin(), f.issue(3)
	first := f.redeem(registration, "one").grant(t, http.StatusCreated)
	f.redeem(registration, "two").want(t, http.StatusCreated)
	second := f.refresh(first.RefreshToken).grant(t, http.StatusOK)
	id := f.State().RegistrationTokens[0].ID
	f.call("PATCH", "/registrationTokens/"+id, admin, `{"count":4}`).want(t, http.StatusOK)
	want := f.State()
	f.stop(t)

	f = restarted(t, path, emulator.Knobs{})
	got := f.State()
	got.Requests, want.Requests = nil, nil
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("after a restart (-got +want):\n%s", diff)
	}
	f.call("GET", "/authTokens", admin, "").want(t, http.StatusOK) // the key that signs is the same
	f.refresh(second.RefreshToken).want(t, http.StatusOK)
	f.redeem(registration, "three").want(t, http.StatusCreated)
	f.redeem(registration, "four").want(t, http.StatusCreated)
	if r := f.redeem(registration, "five"); r.code() != "REGISTRATION_TOKEN_EXHAUSTED" {
		t.Errorf("a fifth redemption of four: %d %s", r.status, r.body)
	}
	f.call("DELETE", "/authTokens/"+first.ID, admin, "").want(t, http.StatusNoContent)
	f.stop(t)

	f = restarted(t, path, emulator.Knobs{})
	if r := f.refresh(second.RefreshToken); r.code() != "invalid_grant" {
		t.Errorf("a deleted auth token is refreshed after a restart: %d %s", r.status, r.body)
	}
	if got := len(f.State().AuthTokens); got != 3 {
		t.Errorf("%d auth tokens, want 3", got)
	}
}

// TestReuseStaysRevoked: what strict rotation withdrew stays so.
func TestReuseStaysRevoked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	f := restarted(t, path, emulator.Knobs{})
	first := f.redeem(f.issue(1), "one").grant(t, http.StatusCreated)
	second := f.refresh(first.RefreshToken).grant(t, http.StatusOK)
	f.refresh(first.RefreshToken).want(t, http.StatusBadRequest)
	f.stop(t)
	f = restarted(t, path, emulator.Knobs{})
	f.refresh(second.RefreshToken).want(t, http.StatusBadRequest)
}

// TestDuplicatesAfterRestart: which identifiers were redeemed is known again.
func TestDuplicatesAfterRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	f := restarted(t, path, emulator.Knobs{Duplicates: emulator.DuplicatesSame})
	registration := f.issue(3)
	first := f.redeem(registration, "one").grant(t, http.StatusCreated)
	f.stop(t)
	f = restarted(t, path, emulator.Knobs{Duplicates: emulator.DuplicatesSame})
	if again := f.redeem(registration, "one").grant(t, http.StatusCreated); again.ID != first.ID || f.State().Redeemed != 1 {
		t.Errorf("got %s and %d redemptions, want %s again", again.ID, f.State().Redeemed, first.ID)
	}
}

// TestStoreFailure: once a change cannot be kept, the service is out of order.
func TestStoreFailure(t *testing.T) {
	f := restarted(t, filepath.Join(t.TempDir(), "data"), emulator.Knobs{})
	registration := f.issue(2)
	f.stop(t)
	f.redeem(registration, "one").want(t, http.StatusInternalServerError)
	f.redeem(registration, "two").want(t, http.StatusInternalServerError)
}

func TestOpenStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	f := restarted(t, path, emulator.Knobs{})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v, want a file for its owner alone", info, err)
	}
	if _, err := emulator.OpenStore(path); err == nil || !strings.Contains(err.Error(), "another emulator") {
		t.Errorf("opened twice: %v", err)
	}
	f.stop(t)
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emulator.OpenStore(path); err == nil {
		t.Error("a file that is none was opened")
	}
}

// TestAdministratorsSessionsEnd: one for each login there ever was would be a leak.
func TestAdministratorsSessionsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	f := restarted(t, path, emulator.Knobs{})
	for range 50 {
		f.admin()
		f.advance(time.Hour)
	}
	if got := f.Sessions(); got != 1 {
		t.Errorf("%d sessions, want the last one alone", got)
	}
}

// TestVersions: of two administrators who looked at one version, the second is told.
func TestVersions(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	admin := f.admin()
	f.issue(1)
	id := f.State().RegistrationTokens[0].ID
	change := func(version, body string) reply {
		r := request("PATCH", "/registrationTokens/"+id, admin, body)
		r.Header.Set("If-Match", version)
		return f.send(r)
	}
	seen := f.call("GET", "/registrationTokens/"+id, admin, "").header.Get("ETag")
	change(seen, `{"count":2}`).want(t, http.StatusOK)
	if r := change(seen, `{"count":9}`); r.status != http.StatusPreconditionFailed {
		t.Errorf("the second change: %d %s", r.status, r.body)
	}
	change("*", `{"count":3}`).want(t, http.StatusOK)
	change("", `{"count":4}`).want(t, http.StatusOK)
	change("nonsense", `{"count":5}`).want(t, http.StatusPreconditionFailed)
	if got := f.State().RegistrationTokens[0].Count; got != 4 {
		t.Errorf("count %d, want 4", got)
	}
	// A redemption is no change of the token: who raises the count of one that
	// is in use must not be refused for that.
	before := f.call("GET", "/registrationTokens/"+id, admin, "").header.Get("ETag")
	registration := f.issue(1)
	f.redeem(registration, "x").want(t, http.StatusCreated)
	if after := f.call("GET", "/registrationTokens/"+id, admin, "").header.Get("ETag"); after != before {
		t.Errorf("the version went from %s to %s", before, after)
	}
}
