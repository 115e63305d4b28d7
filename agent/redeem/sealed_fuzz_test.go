package redeem_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/redeem"
	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
	"regent/agent/token"
)

// FuzzRegistration: a sealed registration token is used for the scope whose
// record it is in, or not at all, and no error shows it.
func FuzzRegistration(f *testing.F) {
	const name, canary = "registration/demo-host.com/cad", "canaryOfTheSeeds"
	f.Fuzz(func(t *testing.T, record []byte) {
		s := &storetest.Memory{}
		if _, err := s.Put(t.Context(), name, record, 0); err != nil {
			t.Fatal(err)
		}
		r, err := redeem.OpenRegistrations(t.Context(), s)
		if err != nil {
			if bad, ok := errors.AsType[*store.UnreadableError](err); !ok || bad.Name != name || strings.Contains(err.Error(), canary) {
				t.Errorf("got %v", err)
			}
			return
		}
		held := r.List()
		if len(held) != 1 {
			t.Fatalf("%d are held, of one record", len(held))
		}
		for _, h := range held {
			if strings.Trim(h.Tenant+"/"+h.Application, "/") != "demo-host.com/cad" {
				t.Errorf("it is held for %+v", h.Scope)
			}
			if h.Fingerprint != token.Fingerprint(h.Token) {
				t.Errorf("the fingerprint %q is another token's", h.Fingerprint)
			}
		}
	})
}

// FuzzHead: whatever the sealed head says, a ledger that is not there is new
// only to a head that knows of no line; otherwise it was taken away.
func FuzzHead(f *testing.F) {
	f.Fuzz(func(t *testing.T, head []byte) {
		dir, s := t.TempDir(), &storetest.Memory{}
		if _, err := s.Put(t.Context(), "ledger/head", head, 0); err != nil {
			t.Fatal(err)
		}
		l, err := redeem.OpenLedger(t.Context(), redeem.LedgerOptions{
			Dir: dir, Key: []byte("a key of the seeds"), Store: s, Clock: timingtest.New(),
		})
		_, missing := os.Stat(filepath.Join(dir, redeem.LedgerName))
		if (err == nil) != (missing == nil) {
			t.Fatalf("opened with %v, the file: %v", err, missing)
		}
		if err != nil {
			return
		}
		if n := len(l.Entries()); n != 0 {
			t.Errorf("%d entries of nothing", n)
		}
		if err := l.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	})
}
