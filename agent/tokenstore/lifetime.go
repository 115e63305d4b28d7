package tokenstore

import (
	"time"

	"regent/agent/timing"
)

// Lifetime is a span measured from receipt in both clocks. It is kept with the
// token, so that its age can be told after a restart and after a reboot.
type Lifetime struct {
	TTL    time.Duration `json:"ttl"`
	Wall   time.Time     `json:"wall"`    // civil time of receipt
	Boot   time.Duration `json:"boot"`    // boot time of receipt
	BootID string        `json:"boot_id"` // of the boot in which it was received
}

// NewLifetime returns the lifetime of a token that arrived just now.
func NewLifetime(c timing.Clock, ttl time.Duration) Lifetime {
	return Lifetime{TTL: ttl, Wall: c.Wall(), Boot: c.Boot(), BootID: c.BootID()}
}

// Age returns how long ago the token was received, and whether that is known.
// In the boot of receipt the boot clock alone decides: nobody can set it. After
// another boot civil time decides, and an age below zero is no age: the clock
// was set back, or never set.
func (l Lifetime) Age(c timing.Clock) (age time.Duration, known bool) {
	if l.BootID != "" && l.BootID == c.BootID() {
		return max(0, c.Boot()-l.Boot), true
	}
	age = c.Wall().Sub(l.Wall)
	return max(0, age), age >= 0
}

// DueAge is the age by which a refresh is planned: the longer of what the two
// clocks say. A civil clock that ran ahead makes a refresh due, no more than
// that. An unknown age is the whole life.
func (l Lifetime) DueAge(c timing.Clock) time.Duration {
	age, known := l.Age(c)
	if !known {
		return l.TTL
	}
	return max(age, c.Wall().Sub(l.Wall))
}

// Remaining returns how much longer the token is good, at least 0, and whether
// that is known.
func (l Lifetime) Remaining(c timing.Clock) (left time.Duration, known bool) {
	age, known := l.Age(c)
	if !known {
		return 0, false
	}
	return max(0, l.TTL-age), true
}
