package redeem_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"regent/agent/redeem"
)

// TestVerifyFindsAnyFlippedByte, in the file that is open and at the next start:
// each byte of a ledger in turn, changed to any other.
func TestVerifyFindsAnyFlippedByte(t *testing.T) {
	a := newLedgerFixture(t)
	l := a.open(t)
	fill(t, l, 2)
	good := a.bytes(t)
	rapid.Check(t, func(r *rapid.T) {
		at := rapid.IntRange(0, len(good)-1).Draw(r, "at")
		flip := rapid.ByteRange(1, 255).Draw(r, "flip")
		a.wantFound(t, l, flipped(good, at, flip))
		a.set(t, good)
		if err := l.Verify(); err != nil {
			r.Fatalf("Verify of the good one: %v", err)
		}
	})
	for at := range good {
		a.wantFound(t, l, flipped(good, at, 1<<(at%8)))
	}
	t.Logf("all %d bytes of a ledger", len(good))
}

func flipped(good []byte, at int, flip byte) []byte {
	bad := bytes.Clone(good)
	bad[at] ^= flip
	return bad
}

// TestVerifyFindsRemovedLines: however long a ledger is, its last line is missed,
// and so are the last of them all.
func TestVerifyFindsRemovedLines(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := newLedgerFixture(t)
		l := a.open(t)
		n := rapid.IntRange(1, 8).Draw(r, "lines")
		gone := rapid.IntRange(1, n).Draw(r, "removed")
		fill(t, l, n)
		lines := bytes.SplitAfter(a.bytes(t), []byte("\n"))
		a.wantFound(t, l, bytes.Join(lines[:n-gone], nil))
		if err := l.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

// wantFound says that a ledger that was changed to bad is refused by who has it
// open, and by the next start.
func (a *ledgerFixture) wantFound(t *testing.T, l *redeem.Ledger, bad []byte) {
	t.Helper()
	a.set(t, bad)
	if err := l.Verify(); !errors.Is(err, redeem.ErrAltered) {
		t.Fatalf("Verify = %v of\n%s", err, bad)
	}
	if _, err := a.tryOpen(t); !errors.Is(err, redeem.ErrAltered) {
		t.Fatalf("Open = %v of\n%s", err, bad)
	}
}
