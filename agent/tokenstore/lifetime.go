package tokenstore

import (
	"time"

	"regent/agent/timing"
)

// Lifetime is the lifetime of a token, with the time of receipt in both clocks. It is stored
// with the token, so that its age is known after a restart and a reboot.
type Lifetime struct {
	TTL    time.Duration `json:"ttl"`
	Wall   time.Time     `json:"wall"`    // civil time of receipt
	Boot   time.Duration `json:"boot"`    // boot time of receipt
	BootID string        `json:"boot_id"` // the boot of receipt
}

// NewLifetime returns the lifetime of a token that arrived now.
func NewLifetime(c timing.Clock, ttl time.Duration) Lifetime {
	return Lifetime{TTL: ttl, Wall: c.Wall(), Boot: c.Boot(), BootID: c.BootID()}
}

// Age returns the time since receipt, and whether it is known. In the boot of receipt it uses
// only the boot clock, which nobody can set. After another boot it uses civil time. If that
// gives an age below 0, the age is unknown: the clock was set back, or never set.
func (l Lifetime) Age(c timing.Clock) (age time.Duration, known bool) {
	if l.BootID != "" && l.BootID == c.BootID() {
		return max(0, c.Boot()-l.Boot), true
	}
	age = c.Wall().Sub(l.Wall)
	return max(0, age), age >= 0
}

// DueAge returns the age for planning a refresh: the longer age of the two clocks. So a civil
// clock that is ahead only causes an early refresh. An unknown age is the whole lifetime.
func (l Lifetime) DueAge(c timing.Clock) time.Duration {
	age, known := l.Age(c)
	if !known {
		return l.TTL
	}
	return max(age, c.Wall().Sub(l.Wall))
}

// Remaining returns the remaining lifetime, at least 0, and whether it is known.
func (l Lifetime) Remaining(c timing.Clock) (left time.Duration, known bool) {
	age, known := l.Age(c)
	if !known {
		return 0, false
	}
	return max(0, l.TTL-age), true
}
