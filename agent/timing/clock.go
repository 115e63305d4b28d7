// Package timing has the agent's clock, its back-off, and its pauses for a tenant.
//
// Civil time continues over a restart, but jumps if somebody sets the clock. Boot time
// counts sleep and never jumps, but ends with the boot. A boot ID identifies a boot. Timers
// are not here: a test that controls them runs in testing/synctest.
package timing

import (
	"time"
)

// Clock reads both times. Implementations are safe for concurrent use.
type Clock interface {
	Wall() time.Time     // civil time, without a monotonic reading
	Boot() time.Duration // since boot, sleep included; never decreases within one boot
	BootID() string      // changes with each boot; "" if the system has none
}

// DefaultRetryAfter is the pause after a 429 without a time. Documented: the service itself
// names this time.
const DefaultRetryAfter = time.Minute

// BackoffBase and BackoffCap bound the pause after a failure.
const (
	BackoffBase = time.Second
	BackoffCap  = 25 * time.Minute
)

// doublings is the number of failures with a bound below BackoffCap.
const doublings = 11 // 1 s << 11 is beyond the cap

// Backoff returns the pause after the n-th failure in a row, n from 1. It is random below a
// bound that doubles from [BackoffBase] to [BackoffCap]. draw is in [0,1). It is pure.
//
// The first pause at [BackoffCap] is random, each later one is [BackoffCap] itself. So a
// device keeps its random place in a round of 25 m. With random pauses each time, a fleet
// would send twice as many requests. When a service returns, 8 in 100 devices would ask in
// its first minute.
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
