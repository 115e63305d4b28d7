package agent

import (
	"context"
	"sync"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
)

// shareFor is how long users share what was seen.
const shareFor = 30 * time.Second

// sight is what a look saw.
type sight struct {
	disk doctor.Disk
	ways []doctor.Way
	held []doctor.Held // registration tokens
}

// looks has the services looked at for whoever asks: one look at a time, which
// all who wait share. A look belongs to run and to nobody who asked, so whoever
// hangs up neither ends it nor makes the next one begin earlier. It is safe for
// concurrent use.
type looks struct {
	asked chan struct{} // full while next is to begin
	ended chan struct{} // closed once none begins any more

	mu   sync.Mutex
	last *flight // that began; nil if none did
	next *flight // that was asked for and has not begun; nil if none is
}

// flight is one look.
type flight struct {
	of   *policy.Settings // in force when it began
	at   time.Duration    // of the boot clock, when it began
	done chan struct{}
	saw  sight // once done is closed
}

func newLooks() *looks {
	return &looks{asked: make(chan struct{}, 1), ended: make(chan struct{})}
}

// see returns what a look at s saw that began since or is yet to begin. It waits
// for at most one look that is of no use, and for its own.
func (l *looks) see(ctx context.Context, s *policy.Settings, since time.Duration) (sight, error) {
	f := l.join(s, since)
	select {
	case <-f.done:
		return f.saw, nil
	case <-ctx.Done():
		return sight{}, ctx.Err()
	case <-l.ended:
		return sight{}, fault.Errorf("diagnose", fault.Unavailable, "the agent is ending; ask again")
	}
}

// join returns the last look if it is of s and began after since, or the next.
func (l *looks) join(s *policy.Settings, since time.Duration) *flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.last; f != nil && f.of == s && f.at > since {
		return f
	}
	if l.next == nil {
		l.next = &flight{done: make(chan struct{})}
		l.asked <- struct{}{} // there is room: begin has taken what made the one before
	}
	return l.next
}

// begin makes the next look the last one.
func (l *looks) begin(s *policy.Settings, now time.Duration) *flight {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.next
	f.of, f.at = s, now
	l.last, l.next = f, nil
	return f
}

// runLooks looks whenever that is asked for, until ctx is done.
func (a *Agent) runLooks(ctx context.Context) {
	defer close(a.looks.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.looks.asked:
		}
		f := a.looks.begin(a.settings.Load(), a.d.Clock.Boot())
		f.saw = a.look(ctx, f.of)
		if ctx.Err() != nil {
			return // it was cut short, and what it saw is the agent's end
		}
		close(f.done)
	}
}

// look looks at the disk and at each tenant of s.
func (a *Agent) look(ctx context.Context, s *policy.Settings) sight {
	saw := sight{ways: a.ways(ctx, s)}
	if a.d.Unusable == nil {
		a.today()
		saw.disk, saw.held = a.disk(ctx), a.held(ctx)
	}
	return saw
}
