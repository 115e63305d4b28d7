package timing

import (
	"maps"
	"sync"
	"time"

	"regent/agent/fault"
	"regent/agent/token"
)

// A waiting engine checks its work every [PollInterval], since timers stop while the machine
// sleeps. An idle engine checks every [IdleInterval].
const (
	PollInterval = 30 * time.Second
	IdleInterval = 5 * time.Minute
)

// Signal wakes the loop that receives from it.
type Signal chan struct{}

// NewSignal returns a signal for one loop.
func NewSignal() Signal { return make(Signal, 1) }

// Kick wakes the loop. It does not block.
func (s Signal) Kick() {
	select {
	case s <- struct{}{}:
	default: // a wake-up is pending
	}
}

// Pauses has the pause of each instance and its cause: failures of the instance, pauses of
// its tenant, and failures of this device. It is safe for concurrent use.
type Pauses struct {
	Device *LocalFailures // shared by all engines
	clock  Clock
	draw   func() float64
	tenant func(host string) (left time.Duration, asked bool)

	mu sync.Mutex
	by map[token.Instance]Pause // an id without an application is a tenant
}

// Failure is a failed attempt, with the facts that decide the next one.
type Failure struct {
	Code    fault.Kind
	Text    string        // for people
	After   time.Duration // the pause that the service asked for; 0 for none
	Cause   LocalCause    // the failure of this device; "" for none
	Fixable bool          // the cause may be on this device: [Pauses.Retry] ends the pause
}

// Pause is the pause after a failure.
type Pause struct {
	Failure
	At   time.Time     // of the failure, civil time
	Left time.Duration // of the pause, at the call of Last

	failures int           // in a row
	until    time.Duration // boot time
}

// NewPauses returns a table without pauses. draw returns a random number in [0,1). tenant
// returns the remaining pause of a tenant for all engines, and whether the service asked for
// it. All engines share device.
func NewPauses(c Clock, draw func() float64, tenant func(host string) (left time.Duration, asked bool), device *LocalFailures) *Pauses {
	return &Pauses{Device: device, clock: c, draw: draw, tenant: tenant, by: map[token.Instance]Pause{}}
}

// Fail records that an attempt of id failed. After a failure of this device, the device's own
// pause applies, and the back-off of id does not grow.
func (p *Pauses) Fail(id token.Instance, f Failure) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Boot()
	f.Fixable = f.Fixable && f.After == 0
	next := Pause{Failure: f, At: p.clock.Wall(), failures: p.by[id].failures}
	if f.Cause != "" {
		p.Device.Record(f.Cause)
		p.by[id] = next
		return
	}
	next.failures++
	next.until = now + Backoff(next.failures, p.draw())
	left, asked := p.tenant(id.Tenant)
	if left > 0 && !asked {
		next.until = now + left // one random pause is enough
	}
	next.until = max(next.until, now+left, now+f.After) // a short Retry-After does not end the back-off
	p.by[id] = next
	if whole := (token.Instance{Tenant: id.Tenant}); now+f.After > max(now, p.by[whole].until) {
		next.until = now + f.After
		p.by[whole] = next
	}
}

// Resume restores the pause of id after a failure f of an earlier process, the n-th in a row.
// It uses the longest possible pause, so that a restart does not shorten it. A clock that was
// set back does not extend it beyond that.
func (p *Pauses) Resume(id token.Instance, f Failure, n int, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	whole := max(f.After, Backoff(max(n, 1), 1))
	left := min(whole, whole-p.clock.Wall().Sub(at))
	until := max(p.by[id].until, p.clock.Boot()+left)
	p.by[id] = Pause{Failure: f, At: at, failures: n, until: until}
}

// Delay pauses id for d without a failure. [Pauses.EndDelay] ends it.
func (p *Pauses) Delay(id token.Instance, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[id] = Pause{until: p.clock.Boot() + d}
}

// EndDelay ends a delay of id. It does not end a pause after a failure.
func (p *Pauses) EndDelay(id token.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[id].Code == "" {
		delete(p.by, id)
	}
}

// Clear deletes the failures of id.
func (p *Pauses) Clear(id token.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, id)
}

// ClearTenant deletes the failures of all instances of a tenant. A pause that the service
// asked for stays.
func (p *Pauses) ClearTenant(host string) {
	p.delete(func(k token.Instance, _ Pause) bool { return k.Tenant == host && k.Application != "" })
}

// Retry ends the pauses that a repair of this device may have fixed. A pause that a
// service asked for stays.
func (p *Pauses) Retry() {
	p.delete(func(_ token.Instance, one Pause) bool { return one.Fixable })
}

func (p *Pauses) delete(which func(token.Instance, Pause) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	maps.DeleteFunc(p.by, which)
}

// Left returns the remaining pause of id from all causes; 0 for none.
func (p *Pauses) Left(id token.Instance) time.Duration {
	whole, _ := p.TenantLeft(id.Tenant)
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.by[id]
	return max(0, whole, own.until-p.clock.Boot(), p.Device.Remaining(CauseStore), p.Device.Remaining(own.Cause))
}

// TenantLeft returns the remaining pause of a tenant, and whether the service asked for it.
func (p *Pauses) TenantLeft(host string) (left time.Duration, asked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.by[token.Instance{Tenant: host}].until - p.clock.Boot()
	left, asked = p.tenant(host)
	return max(0, left, own), asked || own > 0
}

// Last returns the last failure of id. If withTenant is set and the service asked for a longer
// pause, it returns that. failing is false if there is none, or if the failed part of this
// device works again.
func (p *Pauses) Last(id token.Instance, withTenant bool) (last Pause, failing bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Boot()
	last = p.by[id]
	if whole := p.by[token.Instance{Tenant: id.Tenant}]; withTenant && whole.until > max(last.until, now) {
		last = whole
	}
	last.Left = max(0, last.until-now, p.Device.Remaining(last.Cause))
	return last, last.Code != "" && !p.Device.Recovered(last.Cause)
}

// LocalPause is the pause after a failure of this device. It is short: a retry costs the
// service nothing, and the device may work again at any moment.
const LocalPause = 2 * time.Second

// LocalCause names a failing part of this device. "" means none.
type LocalCause string

// CauseStore means that the state directory cannot be written: for example a full disk, a
// read-only file system, an I/O error, or a locked keyring.
const CauseStore LocalCause = "store"

// CauseClient means that the client of the tenant at base cannot be made: for example a CA
// file or a proxy's credentials cannot be read.
func CauseClient(base string) LocalCause { return LocalCause("client of " + base) }

// LocalFailures has the causes that fail on this device now. All work with the same cause
// shares one pause of [LocalPause] after each failure, so one try tests for all of it. It
// is safe for concurrent use.
type LocalFailures struct {
	clock Clock

	mu    sync.Mutex
	fails map[LocalCause]time.Duration // the boot time until which the pause lasts
}

// NewLocalFailures returns a device without failures.
func NewLocalFailures(c Clock) *LocalFailures {
	return &LocalFailures{clock: c, fails: map[LocalCause]time.Duration{}}
}

// Record records that c has failed.
func (d *LocalFailures) Record(c LocalCause) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fails[c] = d.clock.Boot() + LocalPause
}

// Clear records that c works. Its pause ends.
func (d *LocalFailures) Clear(c LocalCause) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.fails, c)
}

// Retry ends every pause, because somebody may have repaired the device. It keeps the list
// of failures.
func (d *LocalFailures) Retry() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.fails {
		d.fails[c] = 0
	}
}

// Failing reports whether c has failed and has not worked since then.
func (d *LocalFailures) Failing(c LocalCause) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, failing := d.fails[c]
	return failing
}

// Recovered reports whether a failed c works again. It is false for "".
func (d *LocalFailures) Recovered(c LocalCause) bool { return c != "" && !d.Failing(c) }

// Remaining returns the time until work that needs c is tried again; 0 is now.
func (d *LocalFailures) Remaining(c LocalCause) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return max(0, d.fails[c]-d.clock.Boot())
}
