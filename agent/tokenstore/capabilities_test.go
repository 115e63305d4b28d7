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

func openCapabilities(t *testing.T, s store.Store) *tokenstore.TenantCapabilities {
	t.Helper()
	l, err := tokenstore.OpenTenantCapabilities(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// setAllCapabilities changes every member.
func setAllCapabilities(l *tms.Capabilities) {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	l.NoteRedemption(tms.Bare, "regent-1", tms.ByReply, at)
	l.NoteRefusal("0badcafe", tms.Refusal{Form: tms.Wrapped, Code: "BAD", Text: "bad body", At: at})
	l.NoteReply(tms.Form{Wrapped: true, AccessToken: "access_token"}, at)
	l.NoteRefresh(tms.ModeOIDC, at)
}

func TestCapabilitiesArePersisted(t *testing.T) {
	s := &storetest.Memory{}
	if err := openCapabilities(t, s).Update(t.Context(), host, setAllCapabilities); err != nil {
		t.Fatal(err)
	}
	var want tms.Capabilities
	setAllCapabilities(&want)
	again := openCapabilities(t, s)
	if diff := cmp.Diff(want, again.Get(host)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(tms.Capabilities{}, again.Get("other-host.com")); diff != "" {
		t.Errorf("another tenant: %s", diff)
	}
	puts := s.Puts()
	if err := again.Update(t.Context(), host, setAllCapabilities); err != nil || s.Puts() != puts {
		t.Errorf("the same again: %v, %d writes", err, s.Puts()-puts)
	}
	again.Get(host).Tried["another"] = tms.Refusal{}
	if again.Get(host).WasRefused("another") {
		t.Error("what was returned is shared")
	}
}

// TestCapabilitiesOnFullDisk: what an answer taught holds at once, and is written later.
func TestCapabilitiesOnFullDisk(t *testing.T) {
	s := &storetest.Memory{}
	l := openCapabilities(t, s)
	full := errors.New("disk full")
	s.FailNext(storetest.Put, full)
	if err := l.Update(t.Context(), host, setAllCapabilities); !errors.Is(err, full) {
		t.Fatalf("Change: %v", err)
	}
	if !l.Get(host).Request.Proven() {
		t.Error("it is forgotten")
	}
	if err := l.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !openCapabilities(t, s).Get(host).Request.Proven() {
		t.Error("it was not written")
	}
}

func TestDamagedCapabilities(t *testing.T) {
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
			_, err := tokenstore.OpenTenantCapabilities(t.Context(), s)
			if bad, ok := errors.AsType[*store.UnreadableError](err); !ok || bad.Name != "learned/"+host {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCapabilitiesConcurrently(t *testing.T) {
	s := &storetest.Memory{}
	l := openCapabilities(t, s)
	var all sync.WaitGroup
	for _, mode := range []string{tms.ModeOIDC, tms.ModeTMS} {
		all.Go(func() {
			for range 50 {
				if err := l.Update(t.Context(), host, func(l *tms.Capabilities) { l.NoteRefresh(mode, time.Unix(1, 0)) }); err != nil {
					t.Error(err)
				}
				_ = l.Get(host)
			}
		})
	}
	all.Wait()
	if got, want := openCapabilities(t, s).Get(host).Refresh, l.Get(host).Refresh; got.Mode != want.Mode || got.Mode == "" {
		t.Errorf("kept %v, in memory %v", got, want)
	}
}
