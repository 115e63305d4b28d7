package redeem_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/redeem"
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
		r, bad, err := redeem.OpenRegistrations(t.Context(), s)
		if err != nil {
			t.Fatalf("one bad record keeps all from opening: %v", err)
		}
		held := r.List()
		if len(held)+len(bad) != 1 {
			t.Fatalf("%d are held and %d bad, of one record", len(held), len(bad))
		}
		for at, why := range bad {
			if at != name || strings.Contains(why.Error(), canary) {
				t.Errorf("%s: %v", at, why)
			}
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
