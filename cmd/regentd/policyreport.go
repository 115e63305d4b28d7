package main

import (
	"context"
	"slices"

	"regent/agent"
	"regent/agent/policy"
	"regent/ipc/api"
)

// policyReport says for an administrator what configuration is in force, and why.
func (r *reloader) policyReport(ctx context.Context, by agent.Caller) (api.Policy, error) {
	if err := r.agent.Administer(ctx, by, "policy"); err != nil {
		return api.Policy{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return policyToAPI(r.resolved, r.problems, r.pendingRestart, api.Policy{AppliedAt: r.appliedAt}), nil
}

// policyToAPI puts an account of the policy into the words of the wire. What waits
// for a restart is a problem of its key too, which says so itself.
func policyToAPI(resolved policy.Resolved, problems []policy.Problem, waiting []string, p api.Policy) api.Policy {
	rows, other := resolved.Rows(problems)
	p.Keys = make([]api.PolicyKey, 0, len(rows))
	for _, row := range rows {
		k := api.PolicyKey{
			Key: row.Provenance.Key, Value: row.Value, Level: row.Origin.Rank.String(), Source: row.Origin.String(), Status: api.PolicyStateOK,
			Default: row.Default, Title: row.Title, Doc: row.Doc, Reloadable: !row.Restart, Problems: forStatus(row.Problems),
		}
		if row.IsPolicy() {
			k.PolicyName = row.PolicyName()
		}
		for _, h := range row.Hidden {
			k.Hides = append(k.Hides, api.PolicyValue{Value: h.Value, Level: h.Origin.Rank.String(), Source: h.Origin.String()})
		}
		switch {
		case slices.Contains(waiting, k.Key):
			k.Status = api.PolicyStateWaiting
		case len(k.Problems) > 0:
			k.Status = api.PolicyStateProblem
		}
		p.Keys = append(p.Keys, k)
	}
	p.Problems = forStatus(other)
	return p
}
