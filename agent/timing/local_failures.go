package timing

import (
	"sync"
	"time"
)

// LocalPause is the pause after a failure of this device. It is short: trying again
// costs the service nothing, and the device may be mended at any moment.
const LocalPause = 2 * time.Second

// LocalCause names what fails on this device. "" is nothing on this device.
type LocalCause string

// CauseStore is a state directory that cannot be written: a full disk, a read-only
// file system, an I/O error, a keyring that is locked.
const CauseStore LocalCause = "store"

// CauseClient is a client of the tenant at base that cannot be made: a CA file or a
// proxy's credentials that cannot be read.
func CauseClient(base string) LocalCause { return LocalCause("client of " + base) }

// LocalFailures is what fails on this device now. All that needs the same thing shares
// one pause of [LocalPause] after each failure, so that one try probes for all of it.
// It is safe for concurrent use.
type LocalFailures struct {
	clock Clock

	mu    sync.Mutex
	fails map[LocalCause]localFailure
}

type localFailure struct {
	until time.Duration // boot time
	why   error
}

// NewLocalFailures returns a device on which nothing fails.
func NewLocalFailures(c Clock) *LocalFailures {
	return &LocalFailures{clock: c, fails: map[LocalCause]localFailure{}}
}

// Record says that c has failed, and why.
func (d *LocalFailures) Record(c LocalCause, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails[c] = localFailure{d.clock.Boot() + LocalPause, why}
}

// Clear says that c works: its pause ends.
func (d *LocalFailures) Clear(c LocalCause) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.fails, c)
}

// Retry ends every pause, and keeps why: somebody may have mended the device.
func (d *LocalFailures) Retry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, f := range d.fails {
		f.until = 0
		d.fails[c] = f
	}
}

// Err returns why c failed last; nil if it has worked since.
func (d *LocalFailures) Err(c LocalCause) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fails[c].why
}

// Recovered reports whether c, which has failed, works again. Without a cause on this device
// there is nothing to heal.
func (d *LocalFailures) Recovered(c LocalCause) bool { return c != "" && d.Err(c) == nil }

// Remaining returns how long until what needs c is tried again; 0 is now.
func (d *LocalFailures) Remaining(c LocalCause) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, d.fails[c].until-d.clock.Boot())
}
