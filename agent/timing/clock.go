// Package timing has the agent's clock, its back-off, and its pauses for a tenant.
//
// Civil time survives a restart, but jumps when somebody sets the clock. Boot time
// counts sleep and never jumps, but ends with the boot. A boot ID tells the boots
// apart. Timers are not here: a test that controls them runs in testing/synctest.
package timing

import (
	"time"
)

// Clock reads both times. Implementations are safe for concurrent use.
type Clock interface {
	Wall() time.Time     // civil time, without a monotonic reading
	Boot() time.Duration // since boot, sleep included; never decreases within one boot
	BootID() string      // changes with each boot; "" if the system cannot say
}

// DefaultRetryAfter is how long a tenant is left alone that said "too many requests" and
// named no time. D: the service itself names this one.
const DefaultRetryAfter = time.Minute

// BackoffBase and Cap bound the pause after a failure.
const (
	BackoffBase = time.Second
	BackoffCap  = 25 * time.Minute
)

// doublings is how often Base doubles before the bound is Cap: the pauses after
// the first doublings failures are shorter.
const doublings = 11 // 1 s << 11 is beyond the cap

// Backoff returns the pause after the n-th failure in a row, n from 1: full
// jitter below a bound that doubles from [BackoffBase] to [BackoffCap]. draw is in [0,1). It
// is pure.
//
// The first pause at the bound is drawn, and each later one is Cap itself: so a device
// keeps the place in the round of 25 m that it drew. With a new draw each time, the pauses
// of a fleet would be half as long and its requests twice as many. When a service comes
// back, 8 in 100 devices would ask in its first minute.
func Backoff(n int, draw float64) time.Duration {
	switch {
	case n >= 1 && n <= doublings:
		return time.Duration(draw * float64(BackoffBase<<(n-1)))
	case n <= doublings+1:
		return time.Duration(draw * float64(BackoffCap))
	default:
		return BackoffCap
	}
}
