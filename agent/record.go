package agent

import (
	"cmp"
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"regent/agent/audit"
	"regent/agent/authz"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
)

// audit records a request and its outcome, and returns the outcome. It returns another
// error only where policy ties the answer to the record.
func (a *Agent) audit(ctx context.Context, by Caller, action, name string, d authz.Decision, outcome error) error {
	e := audit.Access{At: a.d.Clock.Wall(), Caller: by.Caller, Action: action, Instance: name, Decision: d}
	if outcome != nil {
		e.Outcome = fault.KindOf(outcome)
	}
	required := a.settings.Load().Audit == policy.Required
	e.Separate = required && outcome == nil // no token is issued without its line in the log
	if action == "token" {
		a.denials.record(e)
		a.counters.update(func(c *status.Counters) { c.Tokens[cmp.Or(string(e.Outcome), "ok")]++ })
	}
	err := a.record(ctx, e)
	if err == nil {
		return outcome
	}
	a.d.Log.WarnContext(ctx, "a request could not be recorded in the audit log", "err", err)
	if required {
		return fault.Errorf(action, fault.Unavailable, "the audit log cannot be written, and policy requires it (audit: required). An administrator frees disk space or corrects the permissions of the log").WithCause(err)
	}
	return outcome
}

// record writes an event to the audit log, and counts failures.
func (a *Agent) record(ctx context.Context, e audit.Event) error {
	err := a.d.Audit.Record(ctx, e)
	if err != nil {
		a.counters.update(func(c *status.Counters) { c.Audit++ })
	}
	return err
}

// requestCounters counts requests and changes of state for metrics. Its keys are kinds and
// states, never text of a caller. The zero value is empty. It is safe for concurrent use.
type requestCounters struct {
	mu     sync.Mutex
	counts status.Counters
}

// update changes the counts.
func (t *requestCounters) update(change func(*status.Counters)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts.Tokens == nil {
		t.counts = status.Counters{Tokens: map[string]uint64{}, Changes: map[string]uint64{}}
	}
	change(&t.counts)
}

func (t *requestCounters) snapshot() status.Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.counts
	c.Tokens, c.Changes = maps.Clone(c.Tokens), maps.Clone(c.Changes)
	return c
}

// Metrics returns the agent's metrics in Prometheus' text format. Administrators only. The
// audit log records only refused calls.
func (a *Agent) Metrics(ctx context.Context, by Caller) (string, error) {
	decision, err := a.adminOnly(by, "metrics")
	if err != nil {
		return "", a.audit(ctx, by, "metrics", "", decision, err)
	}
	return a.Exposition(ctx)
}

// Exposition is [Agent.Metrics] for the daemon itself, without a caller.
func (a *Agent) Exposition(ctx context.Context) (string, error) {
	s, err := a.Status(ctx, Caller{}) // metrics contain only facts for all users
	if err != nil {
		return "", err
	}
	counts := a.counters.snapshot()
	counts.Refused = a.refusals()
	return status.Prometheus(s, counts), nil
}

// refusals counts the instances that wait because the service refused their registration
// token, by the fault.
func (a *Agent) refusals() map[string]uint64 {
	out := map[string]uint64{}
	for _, k := range []fault.Kind{fault.RegistrationExpired, fault.RegistrationExhausted, fault.RegistrationRefused} {
		out[string(k)] = 0
	}
	if a.d.Unusable != nil {
		return out
	}
	for _, app := range a.settings.Load().Applications {
		for _, id := range instanceIDs(app) {
			r, held := a.tokens.Get(id)
			f := a.lastFault(id, r, held)
			if f == nil {
				continue
			}
			if _, counted := out[f.Code]; counted {
				out[f.Code]++
			}
		}
	}
	return out
}

// Denials are kept for a diagnosis up to this age and number.
const (
	denialLifetime = time.Hour
	maxDenials     = 16
)

// denials are the last denials of tokens by the allow rules, for a diagnosis. A denial is
// kept until its user gets a token of the application. denials is safe for concurrent use.
type denials struct {
	mu     sync.Mutex
	counts audit.Counter[denialKey, doctor.Denial]
}

func newDenials() *denials {
	d := &denials{}
	d.clear()
	return d
}

type denialKey struct{ uid, application, exe string }

// record adds a denied request, or deletes the denials of a user who got a token.
func (d *denials) record(e audit.Access) {
	application, _, _ := strings.Cut(e.Instance, "/")
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Outcome {
	case "":
		if d.counts.Len() == 0 {
			return
		}
		for _, c := range d.counts.List() {
			if c.Key.uid == e.Caller.UID && c.Key.application == application {
				d.counts.Delete(c.Key)
			}
		}
	case fault.Denied:
		who := e.Caller.User
		if who == "" {
			who = "uid " + e.Caller.UID
		}
		c, _ := d.counts.Add(denialKey{e.Caller.UID, application, e.Caller.Exe}, 1)
		c.Value = doctor.Denial{
			Application: application, User: who, Exe: e.Caller.Exe, PID: e.Caller.PID,
			Reason: e.Decision.Reason, At: e.At, Times: c.Times,
		}
	}
}

// since returns the denials of uid, or of everybody, that are at most denialLifetime old.
func (d *denials) since(now time.Time, uid string, everybody bool) []doctor.Denial {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := []doctor.Denial{}
	for _, c := range d.counts.List() {
		if now.Sub(c.Value.At) <= denialLifetime && (everybody || c.Key.uid == uid) {
			out = append(out, c.Value)
		}
	}
	return out
}

func (d *denials) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts = audit.Counter[denialKey, doctor.Denial]{Max: maxDenials}
}
