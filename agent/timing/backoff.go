package timing

import "time"

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
// The first pause below Cap is drawn, and each after it is Cap itself: a device
// keeps the place in the round of 25 minutes that it drew. Drawn anew each time,
// the pauses of a fleet would be half as long and its requests twice as many:
// when a service comes back, 8 in 100 devices would be there in its first minute.
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
