// Package timing has the agent's clock, its back-off, and its pauses for a tenant.
//
// Civil time survives a restart, but jumps when somebody sets the clock. Boot time
// counts sleep and never jumps, but ends with the boot. A boot ID tells the boots
// apart. Timers are not here: a test that controls them runs in testing/synctest.
package timing

import "time"

// Clock reads both times. Implementations are safe for concurrent use.
type Clock interface {
	Wall() time.Time     // civil time, without a monotonic reading
	Boot() time.Duration // since boot, sleep included; never decreases within one boot
	BootID() string      // changes with each boot; "" if the system cannot say
}

type systemClock struct {
	id   string
	boot func() time.Duration
}

// NewClock returns the machine's clock. boot reads the time since boot, sleep
// included (Linux CLOCK_BOOTTIME, Windows interrupt time).
func NewClock(bootID string, boot func() time.Duration) Clock { return systemClock{bootID, boot} }

func (s systemClock) Wall() time.Time     { return time.Now().Round(0) }
func (s systemClock) Boot() time.Duration { return s.boot() }
func (s systemClock) BootID() string      { return s.id }
