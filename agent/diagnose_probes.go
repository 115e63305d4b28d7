package agent

import (
	"context"
	"sync"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
)

// probeCacheTime is how long users share what was seen.
const probeCacheTime = 30 * time.Second

// probeResult is what a look saw.
type probeResult struct {
	disk doctor.Disk
	ways []doctor.ServiceCheck
	held []doctor.RegistrationToken // registration tokens
}

// probeQueue has the services looked at for whoever asks: one look at a time, which
// all who wait share. A look belongs to run and to nobody who asked, so whoever
// hangs up neither ends it nor makes the next one begin earlier. It is safe for
// concurrent use.
type probeQueue struct {
	requested chan struct{} // full while next is to begin
	stopped   chan struct{} // closed once none begins any more

	mu   sync.Mutex
	last *probeRun // that began; nil if none did
	next *probeRun // that was asked for and has not begun; nil if none is
}

// probeRun is one look.
type probeRun struct {
	settings *policy.Settings // in force when it began
	at       time.Duration    // of the boot clock, when it began
	done     chan struct{}
	result   probeResult // once done is closed
}

func newProbeQueue() *probeQueue {
	return &probeQueue{requested: make(chan struct{}, 1), stopped: make(chan struct{})}
}

// get returns what a look at s saw that began since or is yet to begin. It waits
// for at most one look that is of no use, and for its own.
func (l *probeQueue) get(ctx context.Context, s *policy.Settings, since time.Duration) (probeResult, error) {
	f := l.join(s, since)
	select {
	case <-f.done:
		return f.result, nil
	case <-ctx.Done():
		return probeResult{}, ctx.Err()
	case <-l.stopped:
		return probeResult{}, fault.Errorf("diagnose", fault.Unavailable, "the agent is ending; ask again")
	}
}

// join returns the last look if it is of s and began after since, or the next.
func (l *probeQueue) join(s *policy.Settings, since time.Duration) *probeRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.last; f != nil && f.settings == s && f.at > since {
		return f
	}
	if l.next == nil {
		l.next = &probeRun{done: make(chan struct{})}
		l.requested <- struct{}{} // there is room: begin has taken what made the one before
	}
	return l.next
}

// begin makes the next look the last one.
func (l *probeQueue) begin(s *policy.Settings, now time.Duration) *probeRun {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.next
	f.settings, f.at = s, now
	l.last, l.next = f, nil
	return f
}

// runProbes looks whenever that is asked for, until ctx is done.
func (a *Agent) runProbes(ctx context.Context) {
	defer close(a.probes.stopped)
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.probes.requested:
		}
		f := a.probes.begin(a.settings.Load(), a.d.Clock.Boot())
		f.result = a.probe(ctx, f.settings)
		if ctx.Err() != nil {
			return // it was cut short, and what it saw is the agent's end
		}
		close(f.done)
	}
}

// probe looks at the disk and at each tenant of s.
func (a *Agent) probe(ctx context.Context, s *policy.Settings) probeResult {
	saw := probeResult{ways: a.probeTenants(ctx, s)}
	if a.d.Unusable == nil {
		a.readNames()
		saw.disk, saw.held = a.diskStatus(ctx), a.heldRegistrations(ctx)
	}
	return saw
}
