package device

import "time"

// Clock reads civil time, and the time since boot including sleep. Nobody can set the time
// since boot, and it never goes back. Clock is safe for concurrent use.
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

// BootID returns the identifier of this boot, unique on this machine. If it is "", times
// since boot cannot be compared between processes.
func (c Clock) BootID() string { return c.bootID }

// ReportsAllResumes means that WatchResumes reports every resume and every change of the
// clock, so polling is not needed.
const ReportsAllResumes = reportsAllResumes

// WatchResumes returns a channel that receives after each resume from sleep, until stop. It
// is nil on systems other than Linux, which report none. Several unread resumes are one
// message. A closed channel means that no more reports will come.
func WatchResumes() (woke <-chan struct{}, stop func() error, err error) { return watchResumes() }
