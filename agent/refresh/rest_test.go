package refresh

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRests: where the system tells of a resume, an engine with nothing due wakes
// the device every five minutes only; elsewhere every half minute.
func TestRests(t *testing.T) {
	for _, tt := range []struct {
		name        string
		told        bool
		least, most int64
	}{
		{"resumes are told", true, 1, 5},
		{"nobody tells", false, 35, 45},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := start(t, rotates)
				defer func() { b.stop() }()
				b.stop()
				var looks atomic.Int64
				b.held = func(string) (time.Duration, bool) { looks.Add(1); return 0, false }
				if !tt.told {
					b.woke = nil
				}
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
