// Package timingtest has a clock for tests, whose civil time and boot time move apart.
//
// Suspend, a reboot and a hand-set clock look like that. Left alone, the clock follows
// the standard library's time, so in a testing/synctest bubble it is virtual.
package timingtest

import (
	"sync"
	"time"

	"regent/agent/timing"
)

// Clock is a [timing.Clock] for tests. It is safe for concurrent use.
type Clock struct {
	start time.Time
	mu    sync.Mutex
	wall  time.Duration // added to civil time
	boot  time.Duration // added to boot time
	id    string
}

var _ timing.Clock = (*Clock)(nil)

// New returns a clock that was booted one hour ago.
func New() *Clock { return &Clock{start: time.Now(), boot: time.Hour, id: "boot-1"} }

// Wall implements [timing.Clock].
func (c *Clock) Wall() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Round(0).Add(c.wall)
}

// Boot implements [timing.Clock].
func (c *Clock) Boot() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Since(c.start) + c.boot
}

// BootID implements [timing.Clock].
func (c *Clock) BootID() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.id
}

// Suspend lets d pass in both clocks while timers stand still.
func (c *Clock) Suspend(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall += d
	c.boot += d
}

// SetWall moves civil time alone by d, as somebody who sets the clock does.
func (c *Clock) SetWall(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall += d
}

// Reboot begins a new boot named id, d after the old one ended.
func (c *Clock) Reboot(id string, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id = id
	c.wall += d
	c.start = time.Now()
	c.boot = 0
}
