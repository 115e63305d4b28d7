// Package backoff says how long to leave a service alone after a failure. It
// must not know what failed.
package backoff

import "time"

// Base and Cap bound the pause after a failure.
const (
	Base = time.Second
	Cap  = 25 * time.Minute
)

// Pause returns the pause after the n-th failure in a row, n from 1: full
// jitter below a bound that doubles from [Base] to [Cap]. draw is in [0,1). It
// is pure.
func Pause(n int, draw float64) time.Duration {
	bound := Cap
	if n >= 1 && n < 12 { // 1 s << 11 is beyond the cap
		bound = min(Cap, Base<<(n-1))
	}
	return time.Duration(draw * float64(bound))
}
