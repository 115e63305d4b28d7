package timing_test

import (
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/timing"
	"regent/agent/timing/timingtest"
	"regent/agent/token"
)

// A service that asks for a second each time is asked less and less often.
func TestShortRetryAfterKeepsBackoff(t *testing.T) {
	for _, tenantAsks := range []bool{false, true} {
		clock := timingtest.New()
		pauses := timing.NewPauses(clock, func() float64 { return 0.5 }, func(string) (time.Duration, bool) {
			if tenantAsks {
				return time.Second, true
			}
			return 0, false
		}, timing.NewLocalFailures(clock))
		id := token.Instance{Tenant: "a.example", Application: "cad", Number: 1}
		asked := 0
		for end := clock.Boot() + time.Hour; clock.Boot() < end; asked++ {
			pauses.Fail(id, timing.Failure{Code: fault.Throttled, After: time.Second})
			clock.Suspend(pauses.Left(id))
		}
		if asked > 15 {
			t.Errorf("asked %d times in an hour, want at most 15 (tenant asks: %v)", asked, tenantAsks)
		}
	}
}
