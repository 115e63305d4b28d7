package timing

import (
	"sync"
	"time"
)

// LocalPause is the pause after a failure of this device. It is short: trying again
// costs the service nothing, and the device may be mended at any moment.
const LocalPause = 2 * time.Second

// Cause names what fails on this device. "" is nothing on this device.
type Cause string

// CauseStore is a state directory that cannot be written: a full disk, a read-only
// file system, an I/O error, a keyring that is locked.
const CauseStore Cause = "store"

// CauseClient is a client of the tenant at base that cannot be made: a CA file or a
// proxy's credentials that cannot be read.
func CauseClient(base string) Cause { return Cause("client of " + base) }

// Device is what fails on this device now. All that needs the same thing shares
// one pause of [LocalPause] after each failure, so that one try probes for all of it.
// It is safe for concurrent use.
type Device struct {
	clock Clock

	mu    sync.Mutex
	fails map[Cause]failure
}

type failure struct {
	until time.Duration // boot time
	why   error
}

// NewDevice returns a device on which nothing fails.
func NewDevice(c Clock) *Device { return &Device{clock: c, fails: map[Cause]failure{}} }

// Failed says that c has failed, and why.
func (d *Device) Failed(c Cause, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails[c] = failure{d.clock.Boot() + LocalPause, why}
}

// Works says that c works: its pause ends.
func (d *Device) Works(c Cause) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.fails, c)
}

// Retry ends every pause, and keeps why: somebody may have mended the device.
func (d *Device) Retry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, f := range d.fails {
		f.until = 0
		d.fails[c] = f
	}
}

// Why returns why c failed last; nil if it has worked since.
func (d *Device) Why(c Cause) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fails[c].why
}

// Healed reports whether c, which has failed, works again. Without a cause on this device
// there is nothing to heal.
func (d *Device) Healed(c Cause) bool { return c != "" && d.Why(c) == nil }

// Left returns how long until what needs c is tried again; 0 is now.
func (d *Device) Left(c Cause) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, d.fails[c].until-d.clock.Boot())
}
