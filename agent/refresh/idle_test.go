package refresh

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestIdleInterval: where the system tells of every resume, an engine with nothing due
// wakes the device every five minutes only; elsewhere every half minute.
func TestIdleInterval(t *testing.T) {
	for _, tt := range []struct {
		name        string
		spoil       func(*harness)
		least, most int64
	}{
		{"every resume is told", func(*harness) {}, 1, 5},
		{"not every one", func(b *harness) { b.untold = true }, 35, 45},
		{"nobody tells", func(b *harness) { b.woke = nil }, 35, 45},
		{"nobody tells any more", func(b *harness) { close(b.woke) }, 35, 45},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, answerRotated)
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
