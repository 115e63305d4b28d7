package refresh

import (
	"time"

	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/tokenstore"
)

// Limits bound how often refreshes begin, whatever lives the service hands out.
// They are the configuration's; 0 is no bound.
type Limits struct {
	Floor time.Duration // between two refreshes of one instance
	Rate  int           // refreshes that begin in a second, for each tenant
}

// untilFloor returns how long r must not be refreshed, since its last answer came
// a moment ago. An attempt without an answer is tried again all the same: its
// pauses bound that.
func (e *Engine) untilFloor(r tokenstore.Record) time.Duration {
	age, known := r.AccessLife.Age(e.Clock)
	if !known || r.Attempt.AnswerMissing() {
		return 0
	}
	return max(0, e.Limits().Floor-age)
}

// maxQueueWait bounds the line of flights that the rate keeps waiting: who would stand
// in it for longer is told when to come again.
const maxQueueWait = 10 * time.Second

// checkLimits says why a caller may start no flight of id now, and when to come again;
// nil if it may. The caller holds mu.
func (e *Engine) checkLimits(id instance.ID) error {
	limits := e.Limits()
	r, ok := e.Tokens.Get(id)
	if left := e.untilFloor(r); ok && left > 0 {
		return fault.Errorf("refresh", fault.Throttled, "%s was refreshed a moment ago, and limits.refresh_floor allows that once in %s; ask again", id, limits.Floor).WithInstance(id.String()).WithRetry(left)
	}
	line := 0
	for _, f := range e.queued {
		if f.id.Tenant == id.Tenant {
			line++
		}
	}
	if most := limits.Rate * int(maxQueueWait/time.Second); limits.Rate > 0 && line >= most {
		return fault.Errorf("refresh", fault.Throttled, "%d refreshes at %s wait already, and limits.refresh_rate allows %d in a second; ask again", line, id.Tenant, limits.Rate).WithInstance(id.String()).WithRetry(maxQueueWait)
	}
	return nil
}

// countExtraRequest counts a second request of one flight, for which the next flights wait.
func (e *Engine) countExtraRequest(tenant string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.limiter.started[tenant] = append(e.limiter.started[tenant], e.Clock.Boot())
}

// Limited says which limits act on a tenant now.
type Limited struct {
	Floor bool          // an instance would be refreshed more often without it
	Life  time.Duration // the shortest life that the service handed out; if Floor
	Rate  bool          // a refresh waited for its turn in the last minute
}

// rateDisplayTime is how long it is told that the rate has kept a refresh waiting.
const rateDisplayTime = time.Minute

// Limited looks which limits act on the auth tokens of a tenant.
func (e *Engine) Limited(tenant string, held []tokenstore.Record) Limited {
	var l Limited
	floor := e.Limits().Floor
	for _, r := range held {
		if !r.State.Refreshable() || e.Window.Due(r) >= floor {
			continue
		}
		if life := shorterLife(r); !l.Floor || life < l.Life {
			l.Floor, l.Life = true, life
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	last, ok := e.limiter.delayedAt[tenant]
	l.Rate = ok && e.Clock.Boot()-last < rateDisplayTime
	return l
}

// rateLimiter counts what began, by tenant. It is not safe for concurrent use.
type rateLimiter struct {
	started   map[string][]time.Duration // boot times of the last second, the oldest first
	delayedAt map[string]time.Duration   // boot time at which a refresh was last kept waiting
}

func newRateLimiter() rateLimiter {
	return rateLimiter{started: map[string][]time.Duration{}, delayedAt: map[string]time.Duration{}}
}

// allow lets one more refresh begin now, or returns how long it must wait.
func (p *rateLimiter) allow(tenant string, rate int, now time.Duration) time.Duration {
	begun := p.started[tenant]
	for len(begun) > 0 && now-begun[0] >= time.Second {
		begun = begun[1:]
	}
	if rate > 0 && len(begun) >= rate {
		p.started[tenant], p.delayedAt[tenant] = begun, now
		return begun[len(begun)-rate] + time.Second - now
	}
	p.started[tenant] = append(begun, now)
	return 0
}
