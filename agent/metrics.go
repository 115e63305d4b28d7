package agent

import (
	"context"
	"maps"
	"sync"

	"regent/agent/audit"
	"regent/agent/fault"
	"regent/agent/instance"
	"regent/agent/status"
)

// requestCounters counts what happens, for metrics. Its keys are kinds and states, never
// anything that a caller says. The zero value is empty. It is safe for
// concurrent use.
type requestCounters struct {
	mu     sync.Mutex
	counts status.Counters
}

// countToken counts a request for a token by its outcome; "" is success.
func (t *requestCounters) countToken(outcome fault.Kind) {
	if outcome == "" {
		outcome = "ok"
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts.Tokens == nil {
		t.counts.Tokens = map[string]uint64{}
	}
	t.counts.Tokens[string(outcome)]++
}

func (t *requestCounters) countChange(to instance.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts.Changes == nil {
		t.counts.Changes = map[string]uint64{}
	}
	t.counts.Changes[string(to)]++
}

func (t *requestCounters) countAuditFailure() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Audit++
}

func (t *requestCounters) snapshot() status.Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.Tokens, c.Changes = maps.Clone(c.Tokens), maps.Clone(c.Changes)
	return c
}

// Metrics returns the agent in Prometheus' text format. Administrators only; a
// scrape is no line of the audit log, but one that is refused is.
func (a *Agent) Metrics(ctx context.Context, by Caller) (string, error) {
	decision, err := a.adminOnly(by, "metrics")
	if err != nil {
		if unrecorded := a.audit(ctx, by, "metrics", "", decision, err); unrecorded != nil {
			return "", unrecorded
		}
		return "", err
	}
	return a.Exposition(ctx)
}

// Exposition is what [Agent.Metrics] returns, for the daemon itself.
func (a *Agent) Exposition(ctx context.Context) (string, error) {
	s, err := a.Status(ctx, Caller{}) // what metrics tell is for everybody
	if err != nil {
		return "", err
	}
	return status.Prometheus(s, a.counters.snapshot()), nil
}

// record takes an event into the audit log, and counts one that it did not take.
func (a *Agent) record(ctx context.Context, e audit.Event) error {
	err := a.d.Audit.Record(ctx, e)
	if err != nil {
		a.counters.countAuditFailure()
	}
	return err
}
