package tokenstore

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/token"
)

// FuzzDecode: whatever is decoded can be encoded again and is then the same.
func FuzzDecode(f *testing.F) {
	if seeds, err := filepath.Glob(filepath.Join("testdata", "fuzz", "FuzzDecode", "*")); err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds, %v", err)
	}
	decode := func(b []byte) (Record, error) {
		var s sealed
		if err := json.Unmarshal(b, &s); err != nil {
			return Record{}, err
		}
		return s.open()
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decode(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(seal(r))
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		twice, err := decode(again)
		if err != nil {
			t.Fatalf("decode what was encoded: %v", err)
		}
		same := cmp.Comparer(func(a, b token.Secret) bool { return a.Equal(b) })
		if diff := cmp.Diff(twice, r, same, cmpopts.IgnoreUnexported(Record{})); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
	})
}
