package tokenstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

const (
	accessSecret  = "SENTINEL-access"
	refreshSecret = "SENTINEL-refresh"
	olderSecret   = "SENTINEL-older"
)

// fullRecord is a record in which no field is zero.
func fullRecord(n int) tokenstore.Record {
	at := time.Date(2026, 3, 1, 12, 0, 0, 7, time.UTC)
	life := tokenstore.Lifetime{TTL: time.Hour, Wall: at, Boot: 5 * time.Minute, BootID: "boot-1"}
	return tokenstore.Record{
		ID:      token.Instance{Tenant: "demo-host.com:8443", Application: "cad", Number: n},
		BaseURL: "https://demo-host.com:8443", Intent: "regent-1", Registration: "0badcafe",
		AuthTokenID: "at-1", Identifier: "regent-1",
		Provider: tms.Provider{TokenEndpoint: "https://idp/auth/", Realm: "r", ClientID: "c"},
		State:    token.Stale, Since: at.Add(time.Second),
		Access: token.NewSecret(accessSecret), AccessLife: life, Generation: 3, Jitter: 0.25,
		Refresh: token.NewSecret(refreshSecret), RefreshLife: tokenstore.Lifetime{TTL: 24 * time.Hour, Wall: at, BootID: "boot-1"},
		PreviousRefresh:  token.NewSecret(olderSecret),
		Attempt:          tokenstore.Attempt{Open: true, Unanswered: 2, PreviousTried: true, At: at.Add(time.Minute)},
		Refusals:         tokenstore.Refusals{Count: 2, First: at.Add(time.Hour)},
		PolicyRedeemedAt: at.Add(2 * time.Hour),
		RedeemedAt:       at.Add(-time.Hour), SessionLimit: 10 * time.Hour,
	}
}

// alike compares records by their exported members, and secrets by their value.
var alike = cmp.Options{cmp.Comparer(func(a, b token.Secret) bool { return a.Equal(b) }), cmpopts.IgnoreUnexported(tokenstore.Record{})}

func open(t *testing.T, s store.Store) *tokenstore.Store {
	t.Helper()
	v, err := tokenstore.Open(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func create(t *testing.T, v *tokenstore.Store, r tokenstore.Record) {
	t.Helper()
	if err := v.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// wantRecords says what a vault and the next process's vault hold.
func wantRecords(t *testing.T, v *tokenstore.Store, s store.Store, want ...tokenstore.Record) {
	t.Helper()
	if diff := cmp.Diff(v.List(), want, alike); diff != "" {
		t.Errorf("in memory: got -, want +:\n%s", diff)
	}
	if diff := cmp.Diff(open(t, s).List(), want, alike); diff != "" {
		t.Errorf("on disk: got -, want +:\n%s", diff)
	}
}

func TestRoundTrip(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	create(t, v, fullRecord(10))
	create(t, v, fullRecord(2))
	create(t, v, tokenstore.Record{ID: fullRecord(1).ID})
	wantRecords(t, v, s, tokenstore.Record{ID: fullRecord(1).ID}, fullRecord(2), fullRecord(10))
	if r, ok := v.Get(fullRecord(2).ID); !ok || cmp.Diff(r, fullRecord(2), alike) != "" {
		t.Errorf("Get: got %v, %t, want what was created", r, ok)
	}
	if r, ok := v.Get(fullRecord(3).ID); ok {
		t.Errorf("Get of none: got %v", r)
	}
}

func TestRecordShowsNoSecret(t *testing.T) {
	v := open(t, &storetest.Memory{})
	create(t, v, fullRecord(1))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, x := range []any{fullRecord(1), new(fullRecord(1)), v, v.List()} {
			if text := fmt.Sprintf(verb, x); strings.Contains(text, "SENTINEL") {
				t.Errorf("%s shows a secret: %s", verb, text)
			}
		}
	}
}

func TestServable(t *testing.T) {
	for _, state := range token.States() {
		r := fullRecord(1)
		r.State = state
		if got, want := r.Servable(), state != token.Revoked; got != want {
			t.Errorf("%s: got %t, want %t", state, got, want)
		}
		r.Access = token.Secret{}
		if r.Servable() {
			t.Errorf("%s without an access token: got true, want false", state)
		}
	}
}

func TestAttemptAnswerMissing(t *testing.T) {
	tests := []struct {
		a    tokenstore.Attempt
		want bool
	}{
		{tokenstore.Attempt{}, false},
		{tokenstore.Attempt{PreviousTried: true}, false},
		{tokenstore.Attempt{Open: true}, true},
		{tokenstore.Attempt{Unanswered: 1}, true},
	}
	for _, tt := range tests {
		if got := tt.a.AnswerMissing(); got != tt.want {
			t.Errorf("%+v: got %t, want %t", tt.a, got, tt.want)
		}
	}
}

// TestOpenReportsBadRecord names it, and leaves it as it is.
func TestOpenReportsBadRecord(t *testing.T) {
	good := &storetest.Memory{}
	create(t, open(t, good), fullRecord(1))
	sealed := valueOf(t, good, "auth-token/demo-host.com:8443/cad/1")
	newer := strings.Replace(sealed, `"format":1`, `"format":2`, 1)
	tests := []struct {
		name, record, value string
		want                string // in the error
	}{
		{"no JSON", "demo-host.com/cad/9", "\x00", "decode"},
		{"another JSON", "demo-host.com/cad/9", "[]", "decode"},
		{"empty", "demo-host.com/cad/9", "", "decode"},
		{"an empty object", "demo-host.com/cad/9", "{}", "format 0"},
		{"a later format", "demo-host.com:8443/cad/1", newer, "install the newer version"},
		{"the name of another instance", "demo-host.com:8443/cad/2", sealed, "is of demo-host.com:8443/cad/1"},
		{"the name of another tenant", "demo-host.com/cad/1", sealed, "is of demo-host.com:8443/cad/1"},
		{"no name", "", sealed, "is of demo-host.com:8443/cad/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &storetest.Memory{}
			create(t, open(t, s), fullRecord(5))
			set(t, s, "auth-token/"+tt.record, tt.value)
			set(t, s, "device", "not ours")
			_, err := tokenstore.Open(t.Context(), s)
			if bad, ok := errors.AsType[*store.UnreadableError](err); !ok || bad.Name != "auth-token/"+tt.record || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q because of %q", err, tt.record, tt.want)
			}
			if strings.Contains(err.Error(), "SENTINEL") {
				t.Errorf("the error shows a secret: %v", err)
			}
			if got := valueOf(t, s, "auth-token/"+tt.record); got != tt.value {
				t.Errorf("the bad record was changed to %q", got)
			}
		})
	}
}

func TestOpenReportsUnreadableStore(t *testing.T) {
	s := &storetest.Memory{}
	create(t, open(t, s), fullRecord(1))
	s.FailNext(storetest.Get, store.ErrKey)
	if _, err := tokenstore.Open(t.Context(), s); !errors.Is(err, store.ErrKey) {
		t.Errorf("got %v, want %v", err, store.ErrKey)
	}
	s.FailNext(storetest.List, errFull)
	if _, err := tokenstore.Open(t.Context(), s); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
}

func TestUpdate(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	create(t, v, fullRecord(1))
	seen, _ := v.Get(fullRecord(1).ID)
	later := fullRecord(1)
	later.Attempt.Unanswered = 7
	got, err := v.Update(t.Context(), seen, func(r *tokenstore.Record) { r.Attempt.Unanswered = 7 })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, later, alike); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
	wantRecords(t, v, s, later)
}

// TestUpdateConflict: an answer that comes for what was changed, redeemed
// again or forgotten meanwhile is discarded.
func TestUpdateConflict(t *testing.T) {
	tests := []struct {
		name      string
		meanwhile func(*testing.T, *tokenstore.Store)
	}{
		{"forgotten", func(t *testing.T, v *tokenstore.Store) {
			if err := v.Forget(t.Context(), fullRecord(1)); err != nil {
				t.Fatal(err)
			}
		}},
		{"refreshed", func(t *testing.T, v *tokenstore.Store) {
			if _, err := v.Update(t.Context(), fullRecord(1), func(r *tokenstore.Record) { r.Generation++ }); err != nil {
				t.Fatal(err)
			}
		}},
		{"redeemed again", func(t *testing.T, v *tokenstore.Store) {
			again := fullRecord(1)
			again.Intent = "regent-2"
			create(t, v, again)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &storetest.Memory{}
			v := open(t, s)
			create(t, v, fullRecord(1))
			seen, _ := v.Get(fullRecord(1).ID)
			tt.meanwhile(t, v)
			kept := v.List()
			_, err := v.Update(t.Context(), seen, func(r *tokenstore.Record) { r.Access = token.NewSecret("late") })
			if !errors.Is(err, tokenstore.ErrConflict) {
				t.Errorf("got %v, want %v", err, tokenstore.ErrConflict)
			}
			wantRecords(t, v, s, kept...)
		})
	}
}

func TestForget(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	create(t, v, fullRecord(1))
	create(t, v, fullRecord(2))
	s.FailNext(storetest.Delete, errFull)
	if err := v.Forget(t.Context(), fullRecord(1)); !errors.Is(err, errFull) {
		t.Errorf("got %v, want %v", err, errFull)
	}
	wantRecords(t, v, s, fullRecord(1), fullRecord(2))
	for range 2 { // forgetting again is no error
		if err := v.Forget(t.Context(), fullRecord(1)); err != nil {
			t.Errorf("Forget: %v", err)
		}
	}
	wantRecords(t, v, s, fullRecord(2))
	create(t, v, fullRecord(1))
	wantRecords(t, v, s, fullRecord(1), fullRecord(2))
}

// TestForgetConflict: what was redeemed in the place of the one that was
// seen stays.
func TestForgetConflict(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	create(t, v, fullRecord(1))
	again := fullRecord(1)
	again.Intent = "regent-2"
	create(t, v, again)
	if err := v.Forget(t.Context(), fullRecord(1)); !errors.Is(err, tokenstore.ErrConflict) {
		t.Errorf("got %v, want %v", err, tokenstore.ErrConflict)
	}
	wantRecords(t, v, s, again)
}

// TestMemoryIsNeverAheadOfTheDisk: what could not be written is not served.
func TestMemoryIsNeverAheadOfTheDisk(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	s.FailNext(storetest.Put, errFull)
	if err := v.Create(t.Context(), fullRecord(1)); !errors.Is(err, errFull) {
		t.Errorf("Create: got %v, want %v", err, errFull)
	}
	wantRecords(t, v, s)
	create(t, v, fullRecord(1))
	s.FailNext(storetest.Put, errFull)
	if _, err := v.Update(t.Context(), fullRecord(1), func(r *tokenstore.Record) { r.Generation++ }); !errors.Is(err, errFull) {
		t.Errorf("Update: got %v, want %v", err, errFull)
	}
	wantRecords(t, v, s, fullRecord(1))
}

// TestConcurrentUpdates: writers of one instance at once, of which each
// saw the newest, are all heard.
func TestConcurrentUpdates(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	create(t, v, fullRecord(1))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := v.Update(t.Context(), fullRecord(1), func(r *tokenstore.Record) { r.Refusals.Count++ }); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	later := fullRecord(1)
	later.Refusals.Count += 20
	wantRecords(t, v, s, later)
}

var errFull = errors.New("no space left on device")

// lateFailure is a store whose Put fails after it has taken effect, as when only the
// last sync of a directory fails.
type lateFailure struct {
	*storetest.Memory
	fail bool
}

func (l *lateFailure) Put(ctx context.Context, name string, value []byte, was store.Version) (store.Version, error) {
	v, err := l.Memory.Put(ctx, name, value, was)
	if err == nil && l.fail {
		return 0, errFull
	}
	return v, err
}

// TestPutFailsAfterTakingEffect: the record can be written again afterwards,
// and what was refused is not in memory.
func TestPutFailsAfterTakingEffect(t *testing.T) {
	s := &lateFailure{Memory: &storetest.Memory{}, fail: true}
	v := open(t, s)
	for range 2 {
		if err := v.Create(t.Context(), fullRecord(1)); !errors.Is(err, errFull) {
			t.Errorf("Create: got %v, want %v", err, errFull)
		}
		if r, ok := v.Get(fullRecord(1).ID); ok {
			t.Errorf("got %v, want none", r)
		}
	}
	s.fail = false
	create(t, v, fullRecord(1))
	wantRecords(t, v, s, fullRecord(1))

	s.fail = true
	if _, err := v.Update(t.Context(), fullRecord(1), func(r *tokenstore.Record) { r.Generation++ }); !errors.Is(err, errFull) {
		t.Errorf("Update: got %v, want %v", err, errFull)
	}
	if r, _ := v.Get(fullRecord(1).ID); r.Generation != fullRecord(1).Generation {
		t.Errorf("memory has generation %d, want %d", r.Generation, fullRecord(1).Generation)
	}
	s.fail = false
	later := fullRecord(1)
	later.Generation++
	if _, err := v.Update(t.Context(), fullRecord(1), func(r *tokenstore.Record) { r.Generation++ }); err != nil {
		t.Errorf("Update: %v", err)
	}
	wantRecords(t, v, s, later)
}

func set(t *testing.T, s store.Store, name, value string) {
	t.Helper()
	_, v, err := s.Get(t.Context(), name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), name, []byte(value), v); err != nil {
		t.Fatal(err)
	}
}

func valueOf(t *testing.T, s store.Store, name string) string {
	t.Helper()
	b, _, err := s.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWithhold: only the auth token that was seen is withheld, until another replaces it.
func TestWithhold(t *testing.T) {
	s := &storetest.Memory{}
	v := open(t, s)
	create(t, v, fullRecord(1))
	seen, _ := v.Get(fullRecord(1).ID)
	older := seen
	older.Generation--
	v.Withhold(older)
	if r, _ := v.Get(seen.ID); !r.Servable() {
		t.Error("an earlier generation was withheld, and the present one is not servable")
	}
	v.Withhold(seen)
	if r, _ := v.Get(seen.ID); r.Servable() {
		t.Error("it was withheld, and is servable")
	}
	create(t, v, fullRecord(1))
	if r, _ := v.Get(seen.ID); !r.Servable() {
		t.Error("another auth token took its place, and is not servable")
	}
}
