package redeem

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// keyOfSeeds is the key under which the seeds of FuzzDecodeLines are chained.
var keyOfSeeds = []byte("a key of the seeds")

// FuzzDecodeLines: whatever lies there, what is accepted are whole lines that we could
// have written, numbered from 1, and what is not accepted is all of the rest.
func FuzzDecodeLines(f *testing.F) {
	if seeds, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzDecodeLines", "*")); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds, %v", err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		given := bytes.Clone(data)
		entries, ends, rest, err := decodeLines(keyOfSeeds, data)
		if !bytes.Equal(data, given) {
			t.Fatal("what was read was changed")
		}
		if len(entries) != len(ends) {
			t.Fatalf("%d entries and %d ends", len(entries), len(ends))
		}
		good := data[:len(data)-len(rest)]
		if got := bytes.Count(good, []byte("\n")); got != len(entries) {
			t.Errorf("%d entries of %d lines", len(entries), got)
		}
		if err == nil && bytes.Contains(rest, []byte("\n")) {
			t.Errorf("a whole line was left without an error: %q", rest)
		}
		for i, e := range entries {
			if e.Seq != uint64(i)+1 || ends[i].Seq != e.Seq {
				t.Errorf("entry %d has number %d, its end %d", i, e.Seq, ends[i].Seq)
			}
		}
	})
}

// TestSeedOfFuzzDecodeLines: the fuzzing begins with a chain that is accepted.
func TestSeedOfFuzzDecodeLines(t *testing.T) {
	seed, err := os.ReadFile(filepath.Join("testdata", "chain.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	entries, _, rest, err := decodeLines(keyOfSeeds, seed)
	if err != nil || len(entries) != 3 || len(rest) != 0 {
		t.Errorf("got %d entries, %d bytes left, %v; want 3 and none: the format of the ledger has changed", len(entries), len(rest), err)
	}
}

// TestEncodeLineProperty: each entry that is linked is read again as it was, behind
// the line before it and behind no other.
func TestEncodeLineProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(s, "") })
		e := Entry{
			Seq: rapid.Uint64().Draw(t, "seq"), Kind: Intent, ID: text.Draw(t, "id"), Tenant: text.Draw(t, "tenant"),
			Words: text.Draw(t, "words"), Status: rapid.Int().Draw(t, "status"), Consumed: rapid.Bool().Draw(t, "consumed"),
		}
		before := text.Draw(t, "before")
		line, chain, err := encodeLine(keyOfSeeds, before, e)
		if err != nil {
			t.Skip(err)
		}
		if bytes.ContainsAny(line, "\n") {
			t.Fatalf("more than one line: %q", line)
		}
		got, next, err := decodeLine(keyOfSeeds, before, line)
		if err != nil || got != e || next != chain {
			t.Fatalf("got %+v, %q, %v, want %+v, %q", got, next, err, e, chain)
		}
		if _, _, err := decodeLine(keyOfSeeds, before+"x", line); err == nil {
			t.Fatal("it was accepted behind another line")
		}
		if _, _, err := decodeLine([]byte("another key"), before, line); err == nil {
			t.Fatal("it was accepted under another key")
		}
	})
}
