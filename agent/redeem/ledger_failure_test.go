package redeem_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"regent/agent/redeem"
	"regent/agent/store/storetest"
)

// TestAppendWhenTheHeadCannotBeSealed: the ledger is as before, and goes on.
func TestAppendWhenTheHeadCannotBeSealed(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	for n := range 3 {
		before := a.bytes(t)
		a.store.FailNext(storetest.Put, errFull)
		if e, err := l.Append(t.Context(), intent("lost")); !errors.Is(err, errFull) || e.Seq != 0 {
			t.Errorf("got %v, %v, want no entry, %v", e, err, errFull)
		}
		if got := a.bytes(t); !bytes.Equal(got, before) {
			t.Errorf("a line was left behind: %q", got)
		}
		a.wantEntries(t, l, n)
		fill(t, l, 1)
	}
	a.wantEntries(t, l, 3)
}

// TestAppendWhenSealingFailsAfterItTookEffect: the line stands, and says so.
func TestAppendWhenSealingFailsAfterItTookEffect(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 1)
	a.store.inject(storeFault{puts: 1})
	if e, err := l.Append(t.Context(), intent("regent-9")); !errors.Is(err, errFull) || e.Seq != 2 {
		t.Errorf("got %v, %v, want entry 2, %v", e, err, errFull)
	}
	a.wantEntries(t, l, 2)
	fill(t, l, 1)
	a.wantEntries(t, l, 3)
}

// TestAppendWhenHeadIsUnknown whether the head was sealed: the line stays, as
// the next start might find it, and is put right before the next one.
func TestAppendWhenHeadIsUnknown(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		a := newLedgerFixture(t)
		l := a.open(t)
		fill(t, l, 1)
		if sealed {
			a.store.inject(storeFault{puts: 1, gets: 2})
		} else {
			a.store.FailNext(storetest.Put, errFull)
			a.store.FailNext(storetest.Get, errFull)
			a.store.FailNext(storetest.Get, errFull)
		}
		if e, err := l.Append(t.Context(), intent("regent-2")); !errors.Is(err, errFull) || e.Seq != 2 {
			t.Errorf("got %v, %v, want entry 2, %v", e, err, errFull)
		}
		if err := l.Verify(); err == nil || errors.Is(err, redeem.ErrAltered) {
			t.Errorf("Verify: got %v, want that it cannot be told", err)
		}
		if e, err := l.Append(t.Context(), intent("regent-3")); !errors.Is(err, errFull) || e.Seq != 0 {
			t.Errorf("the second: got %v, %v, want no entry, %v", e, err, errFull)
		}
		fill(t, l, 1)
		a.wantEntries(t, l, 3)
	}
}

// TestOpenOnAFullDisk: what is known can be served; nothing is written until
// the repair has worked.
func TestOpenOnAFullDisk(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 1)
	head := a.head(t)
	fill(t, l, 1)
	a.setHead(t, head)
	a.store.FailNext(storetest.Put, errFull)
	l = a.open(t)
	if got := len(l.Entries()); got != 2 {
		t.Errorf("got %d entries, want 2", got)
	}
	a.store.FailNext(storetest.Put, errFull)
	if e, err := l.Append(t.Context(), intent("regent-3")); !errors.Is(err, errFull) || e.Seq != 0 {
		t.Errorf("got %v, %v, want no entry, %v", e, err, errFull)
	}
	fill(t, l, 1)
	a.wantEntries(t, l, 3)
}

// TestAppendWhenHeadIsKnown to stop: nothing is half done.
func TestAppendWhenHeadIsKnown(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Append(ctx, intent("regent-2"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	n := len(l.Entries())
	fill(t, l, 1)
	a.wantEntries(t, l, n+1)
}

// TestAppendAfterFileRemoved: a line in a file that the next start will not
// find is no account.
func TestAppendAfterFileRemoved(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 2)
	if err := os.Rename(a.path(), a.path()+".away"); err != nil {
		t.Skip(err) // Windows lets nobody rename an open file
	}
	for _, replace := range []bool{false, true} {
		if replace {
			copied, err := os.ReadFile(a.path() + ".away")
			if err != nil {
				t.Fatal(err)
			}
			a.set(t, copied)
		}
		if _, err := l.Append(t.Context(), intent("regent-3")); !errors.Is(err, redeem.ErrAltered) {
			t.Errorf("Append, replaced %t: got %v, want %v", replace, err, redeem.ErrAltered)
		}
		if err := l.Verify(); !errors.Is(err, redeem.ErrAltered) {
			t.Errorf("Verify, replaced %t: got %v, want %v", replace, err, redeem.ErrAltered)
		}
	}
	if err := os.Rename(a.path()+".away", a.path()); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1)
	a.wantEntries(t, l, 3)
}

func TestAppendAfterClose(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err := l.Append(t.Context(), intent("regent-2")); err == nil || e.Seq != 0 {
		t.Errorf("got %v, %v, want an error", e, err)
	}
	a.wantEntries(t, a.open(t), 1)
}

// TestEntriesDoNotBlock: while a line is being written, which may take as
// long as a disk likes, the ledger can be read, and it does not have that line.
func TestEntriesDoNotBlock(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	if _, err := l.Append(t.Context(), intent("regent-1")); err != nil {
		t.Fatal(err)
	}
	a.store.inject(storeFault{before: func(int) error {
		read := make(chan int, 1)
		go func() { read <- len(l.Entries()) }()
		select {
		case got := <-read:
			if got != 1 {
				t.Errorf("%d entries while the second is written, want 1", got)
			}
		case <-time.After(time.Minute):
			t.Error("reading waits for the disk")
		}
		return nil
	}})
	if _, err := l.Append(t.Context(), intent("regent-2")); err != nil {
		t.Fatal(err)
	}
	if got := len(l.Entries()); got != 2 {
		t.Errorf("%d entries, want 2", got)
	}
}
