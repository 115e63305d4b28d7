package main

import (
	"context"
	"slices"

	"regent/agent"
	"regent/agent/policy"
	"regent/ipc/api"
)

// account says for an administrator what configuration is in force, and why.
func (r *reloader) account(ctx context.Context, by agent.Caller) (api.Policy, error) {
	if err := r.agent.Administer(ctx, by, "policy"); err != nil {
		return api.Policy{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return inWire(r.resolved, r.problems, r.waiting, api.Policy{AppliedAt: r.applied}), nil
}

// inWire puts an account of the policy into the words of the wire. What waits
// for a restart is a problem of its key too, which says so itself.
func inWire(resolved policy.Resolved, problems []policy.Problem, waiting []string, p api.Policy) api.Policy {
	rows, other := resolved.Account(problems)
	p.Keys = make([]api.PolicyKey, 0, len(rows))
	for _, row := range rows {
		k := api.PolicyKey{
			Key: row.Provenance.Key, Value: row.Value, Level: row.Origin.Rank.String(), Source: row.Origin.String(), Status: api.PolicyOK,
			Default: row.Default, Title: row.Title, Doc: row.Doc, Reloadable: row.Reloadable, Problems: mistakes(row.Problems),
		}
		if row.Stands(policy.GroupPolicy) {
			k.PolicyName = row.PolicyName()
		}
		for _, h := range row.Hidden {
			k.Hides = append(k.Hides, api.PolicyValue{Value: h.Value, Level: h.Origin.Rank.String(), Source: h.Origin.String()})
		}
		switch {
		case slices.Contains(waiting, k.Key):
			k.Status = api.PolicyWaiting
		case len(k.Problems) > 0:
			k.Status = api.PolicyProblem
		}
		p.Keys = append(p.Keys, k)
	}
	p.Problems = append([]api.PolicyMistake{}, mistakes(other)...)
	return p
}

func mistakes(problems []policy.Problem) []api.PolicyMistake {
	var all []api.PolicyMistake
	for _, p := range forStatus(problems) {
		all = append(all, api.PolicyMistake{Source: p.Source, Detail: p.Detail})
	}
	return all
}
