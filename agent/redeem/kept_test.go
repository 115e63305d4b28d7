package redeem_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/redeem"
)

// keptLedger is a directory in which a ledger with one redemption was kept and ended.
func keptLedger(t *testing.T) *ledgerFixture {
	t.Helper()
	a := newLedgerFixture(t)
	l := a.open(t)
	add(t, l, intent("a"))
	e := intent("a")
	e.Kind = redeem.Confirmed
	add(t, l, e)
	if err := errors.Join(l.Keep(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if aside, err := redeem.EndLedger(a.dir); aside != "" || err != nil {
		t.Fatalf("set aside as %q, %v", aside, err)
	}
	return &ledgerFixture{dir: a.dir, store: &faultyStore{}, clock: a.clock} // the other key's store is empty
}

func (a *ledgerFixture) kept() string { return a.path() + ".kept" }

// The next ledger begins with the kept entries, once.
func TestKeptLedger(t *testing.T) {
	a := keptLedger(t)
	l := a.open(t)
	a.wantEntries(t, l, 3)
	if all := l.Entries(); all[2].Kind != redeem.Unregistered {
		t.Errorf("the last entry is %+v", all[2])
	}
	add(t, l, intent("b"))
	if err := errors.Join(l.Verify(), l.Close()); err != nil {
		t.Fatal(err)
	}
	a.wantEntries(t, a.open(t), 4)
	if left, err := os.ReadDir(a.dir); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}

// A crash may leave lines without a sealed head. The ledger then begins again.
func TestKeptLedgerAfterACrash(t *testing.T) {
	a := keptLedger(t)
	a.store.inject(fullDisk)
	if _, err := a.tryOpen(t); err == nil {
		t.Fatal("opened on a full disk")
	}
	a.set(t, []byte("half a line"))
	a.store.inject(storeFault{})
	a.wantEntries(t, a.open(t), 3)
}

func TestKeptLedgerThatWasDamaged(t *testing.T) {
	for name, damage := range map[string]func(string) string{
		"a byte":        func(s string) string { return strings.Replace(s, `"intent"`, `"indent"`, 1) },
		"its last line": func(s string) string { return s[:strings.LastIndexByte(s[:len(s)-1], '\n')+1] },
		"all of it":     func(string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			a := keptLedger(t)
			b, err := os.ReadFile(a.kept())
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(a.kept(), []byte(damage(string(b))), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := a.tryOpen(t); !errors.Is(err, redeem.ErrAltered) {
				t.Errorf("got %v", err)
			}
			if _, err := redeem.SetLedgerAside(t.Context(), a.dir, a.store); err != nil {
				t.Fatal(err)
			}
			a.wantEntries(t, a.open(t), 0)
			if _, err := os.Stat(a.kept() + ".corrupt-1"); err != nil {
				t.Error(err)
			}
		})
	}
}

// A ledger with lines that were not kept is set aside.
func TestEndLedgerLosesNoLine(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	add(t, l, intent("a"))
	if err := l.Keep(); err != nil {
		t.Fatal(err)
	}
	add(t, l, intent("b"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	aside, err := redeem.EndLedger(a.dir)
	if err != nil || filepath.Base(aside) != redeem.LedgerName+".corrupt-1" {
		t.Errorf("set aside as %q, %v", aside, err)
	}
	if aside, err := redeem.EndLedger(a.dir); aside != "" || err != nil {
		t.Errorf("without a ledger: %q, %v", aside, err)
	}
}

// After a device was unregistered, its used counts stay, and nothing else of its accounts.
func TestAccountsAfterUnregistered(t *testing.T) {
	entries := []redeem.Entry{
		line(redeem.Intent, "a"), line(redeem.Confirmed, "a"), line(redeem.Forgotten, "a"),
		line(redeem.Intent, "b"), line(redeem.Uncertain, "b"), line(redeem.Intent, "c"),
		{Kind: redeem.Unregistered},
	}
	entries[0].Registration = "0123456789ab"
	got := redeem.BuildAccounts(entries)[one]
	if got.Confirmed != 1 || len(got.Uncertain) != 2 || len(got.RecentUncertain)+len(got.Open) != 0 || got.ManualOnly || got.Last.Kind != "" {
		t.Errorf("got %+v", got)
	}
	if redeem.HasRedeemed(entries, []string{"0123456789ab"}) || !redeem.HasRedeemed(entries[:6], []string{"0123456789ab"}) {
		t.Error("only before it was unregistered the token was redeemed")
	}
}
