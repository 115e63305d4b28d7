package refresh

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRests: where the system tells of every resume, an engine with nothing due
// wakes the device every five minutes only; elsewhere every half minute.
func TestRests(t *testing.T) {
	for _, tt := range []struct {
		name        string
		spoil       func(*bench)
		least, most int64
	}{
		{"every resume is told", func(*bench) {}, 1, 5},
		{"not every one", func(b *bench) { b.untold = true }, 35, 45},
		{"nobody tells", func(b *bench) { b.woke = nil }, 35, 45},
		{"nobody tells any more", func(b *bench) { close(b.woke) }, 35, 45},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, rotates)
				defer func() { b.stop() }()
				b.stop()
				var looks atomic.Int64
				b.held = func(string) (time.Duration, bool) { looks.Add(1); return 0, false }
				tt.spoil(b)
				b.run(t)
				synctest.Wait()
				looks.Store(0)
				time.Sleep(20 * time.Minute) // of an access token's hour
				synctest.Wait()
				if n := looks.Load(); n < tt.least || n > tt.most {
					t.Errorf("it looked %d times in 20 minutes, want %d to %d", n, tt.least, tt.most)
				}
			})
		})
	}
}
