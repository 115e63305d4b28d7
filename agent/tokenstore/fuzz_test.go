package tokenstore

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/token"
)

// FuzzDecode: whatever is decoded can be encoded again and is then the same.
func FuzzDecode(f *testing.F) {
	if seeds, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzDecode", "*")); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds, %v", err)
	}
	f.Fuzz(func(t *testing.T, sealed []byte) {
		r, err := decode(sealed)
		if err != nil {
			return
		}
		again, err := encode(r)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		twice, err := decode(again)
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		same := cmp.Comparer(func(a, b token.Secret) bool { return a.Equal(b) })
		if diff := cmp.Diff(twice, r, same); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
	})
}
