package tokenfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is written, removed and answered between the looks: a file is
// delivered when it was whole at a look after the first and was not taken yet, and
// at no other look.
func TestFileStateDeliversSettledFile(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "token")
		os.Remove(path)
		var s fileState
		size, seen := 0, 0 // of the file now and at the last look; 0 is none
		taken := false
		now := time.Unix(0, 0)
		longest := 0
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				longest++ // another size each time, so that no clock has to tell them apart
				size = longest
				if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			"remove": func(*rapid.T) {
				os.Remove(path)
				size = 0
			},
			"look": func(t *rapid.T) {
				now = now.Add(time.Second)
				want := actionDeliver
				switch {
				case size == 0:
					want = actionNone
				case size != seen:
					want = actionSettle
				case taken:
					want = actionNone
				}
				info, err := lstat(path)
				if err != nil {
					info = nil
				}
				if got := s.observe(info, now, func(kept time.Duration) bool { return kept >= time.Second }); got != want {
					t.Fatalf("got %d, want %d: size %d, %d at the look before, taken %v", got, want, size, seen, taken)
				}
				if size != seen {
					taken = false
				}
				seen = size
				if want != actionDeliver {
					return
				}
				var answer error
				if rapid.Bool().Draw(t, "refused") {
					answer = errors.New("refused")
				}
				s.recordDelivery(answer)
				taken = answer == nil
			},
		})
	})
}
