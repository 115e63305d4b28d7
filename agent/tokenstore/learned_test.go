package tokenstore_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/tms"
	"regent/agent/tokenstore"
)

const host = "demo-host.com:8443"

func openLearned(t *testing.T, s store.Store) *tokenstore.Learned {
	t.Helper()
	l, bad, err := tokenstore.OpenLearned(t.Context(), s)
	if err != nil || len(bad) != 0 {
		t.Fatalf("OpenLearned: %v, bad %v", err, bad)
	}
	return l
}

// taught changes every member.
func taught(l *tms.Learned) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	l.Redeemed(tms.Bare, "regent-1", tms.ByReply, at)
	l.Refused("0badcafe", tms.Refusal{Form: tms.Wrapped, Code: "BAD", Text: "bad body", At: at})
	l.Replied(tms.Form{Wrapped: true, AccessToken: "access_token"}, at)
	l.Refreshed(tms.ModeOIDC, at)
}

func TestLearnedIsKept(t *testing.T) {
	s := &storetest.Memory{}
	if err := openLearned(t, s).Change(t.Context(), host, taught); err != nil {
		t.Fatal(err)
	}
	var want tms.Learned
	taught(&want)
	again := openLearned(t, s)
	if diff := cmp.Diff(want, again.Of(host)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(tms.Learned{}, again.Of("other-host.com")); diff != "" {
		t.Errorf("another tenant: %s", diff)
	}
	puts := s.Puts()
	if err := again.Change(t.Context(), host, taught); err != nil || s.Puts() != puts {
		t.Errorf("the same again: %v, %d writes", err, s.Puts()-puts)
	}
	again.Of(host).Tried["another"] = tms.Refusal{}
	if again.Of(host).WasRefused("another") {
		t.Error("what was returned is shared")
	}
}

// TestLearnedOnFullDisk: what an answer taught holds at once, and is written later.
func TestLearnedOnFullDisk(t *testing.T) {
	s := &storetest.Memory{}
	l := openLearned(t, s)
	full := errors.New("disk full")
	s.FailNext(storetest.Put, full)
	if err := l.Change(t.Context(), host, taught); !errors.Is(err, full) {
		t.Fatalf("Change: %v", err)
	}
	if !l.Of(host).Request.Proven() {
		t.Error("it is forgotten")
	}
	if err := l.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !openLearned(t, s).Of(host).Request.Proven() {
		t.Error("it was not written")
	}
}

func TestLearnedThatIsDamaged(t *testing.T) {
	for name, value := range map[string]string{
		"no JSON":            "x",
		"of another tenant":  `{"format":1,"tenant":"other-host.com","learned":{}}`,
		"of a newer release": `{"format":2,"tenant":"` + host + `","learned":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := &storetest.Memory{}
			if _, err := s.Put(t.Context(), "learned/"+host, []byte(value), 0); err != nil {
				t.Fatal(err)
			}
			_, bad, err := tokenstore.OpenLearned(t.Context(), s)
			if err != nil || bad["learned/"+host] == nil {
				t.Errorf("got %v, %v", bad, err)
			}
		})
	}
}

func TestLearnedConcurrently(t *testing.T) {
	s := &storetest.Memory{}
	l := openLearned(t, s)
	var all sync.WaitGroup
	for _, mode := range []string{tms.ModeOIDC, tms.ModeTMS} {
		all.Go(func() {
			for range 50 {
				if err := l.Change(t.Context(), host, func(l *tms.Learned) { l.Refreshed(mode, time.Unix(1, 0)) }); err != nil {
					t.Error(err)
				}
				_ = l.Of(host)
			}
		})
	}
	all.Wait()
	if got, want := openLearned(t, s).Of(host).Refresh, l.Of(host).Refresh; got.Mode != want.Mode || got.Mode == "" {
		t.Errorf("kept %v, in memory %v", got, want)
	}
}
