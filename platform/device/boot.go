package device

import "time"

// Clock reads civil time, and the time since this boot with sleep included. Nobody can
// set the latter, and it never goes back. It is safe for concurrent use.
type Clock struct {
	bootID string
	since  func() time.Duration
}

// ReadClock returns the clock of this boot.
func ReadClock() (Clock, error) {
	id, since, err := readBoot()
	return Clock{id, since}, err
}

// Wall returns civil time, without a monotonic reading.
func (Clock) Wall() time.Time { return time.Now().Round(0) }

// Boot returns the time since boot (Linux CLOCK_BOOTTIME, Windows interrupt time).
func (c Clock) Boot() time.Duration { return c.since() }

// BootID returns a name that no other boot of this machine has. It is "" where the system
// has none: then times cannot be compared across processes.
func (c Clock) BootID() string { return c.bootID }

// ReportsAllResumes says whether WatchResumes reports every resume and every change of the
// clock, so polling is not needed.
const ReportsAllResumes = reportsAllResumes

// WatchResumes returns a channel that receives after the machine has resumed from sleep,
// until stop; nil where nobody is told, which is everywhere but on Linux. It is closed
// when nothing will be told any more. A resume that nobody has received yet is told once.
func WatchResumes() (woke <-chan struct{}, stop func() error, err error) { return watchResumes() }
