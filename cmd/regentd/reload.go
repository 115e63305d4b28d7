package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"regent/agent"
	"regent/agent/address"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/ipc/api"
	"regent/platform/filewatch"
)

// reloader applies the configuration, at the start and whenever it changes.
type reloader struct {
	*options
	agent            *agent.Agent // from when the daemon runs
	logging          *logging
	retryStore       func()           // tries a store again that could not be used
	rescanTokenFiles func()           // looks for the registration token's files, which may have other names now
	hup              <-chan os.Signal // asks for a reload
	image            bool             // this machine is a golden image: nothing is kept

	mu             sync.Mutex
	found          policy.Reading // as they were last
	changed        policy.Reading // seen since, and not yet known to be whole
	managed        policy.LastGood
	local          []policy.Layer  // those beside policy that are in force
	started        policy.Settings // at the start: what needs a restart is still as it was there
	settings       policy.Settings // in force
	resolved       policy.Resolved // the same, with where it is from
	problems       []policy.Problem
	pendingRestart []string // keys whose changed values wait for a restart
	appliedAt      time.Time
}

// newReloader reads the configuration for the first time. What changes from now
// on is noticed.
func newReloader(o *options) (*reloader, error) {
	r := &reloader{options: o}
	r.found = o.readLayers()
	var forgotten error
	r.managed, forgotten = loadLastGood(o.lastPolicyFile(), o.policyDir)
	now := r.managed.Restore(r.found, o.policyDir)
	resolved, problems, err := o.resolve(now)
	if err != nil {
		return nil, err
	}
	r.started = resolved.Settings
	if forgotten != nil {
		problems = append(problems, policy.Problem{Origin: policy.Origin{Rank: policy.Managed, Name: o.lastPolicyFile()}, Text: forgotten.Error()})
	}
	r.activate(now, resolved, problems)
	return r, nil
}

// activate remembers what is in force from now on.
func (r *reloader) activate(f policy.Reading, resolved policy.Resolved, problems []policy.Problem) {
	r.local = slices.DeleteFunc(slices.Clone(f.Layers), isManaged)
	r.settings, r.resolved = resolved.Settings, resolved
	r.problems = slices.Concat(problems, policy.EnvironmentProblems(resolved.Settings, address.FromEnvironment(os.Getenv)), newHostChecker().checkFiles(resolved))
	r.pendingRestart = policy.Diff(r.started, resolved.Settings).Restart
	for _, key := range r.pendingRestart {
		p, _ := resolved.Provenance(key)
		r.problems = append(r.problems, policy.Problem{Origin: p.Origin, Key: key, Text: "the changed value waits for a restart of regentd"})
	}
	r.appliedAt = now()
}

// registryPoll is how often sources other than files are read.
const registryPoll = 5 * time.Second

// watch reloads after a change of the configuration's sources, until ctx is done.
func (r *reloader) watch(ctx context.Context) error {
	o := filewatch.Options{Look: r.reloadIfChanged, Log: r.logging.Logger}
	o.Paths = func() []string { return []string{r.config, r.configDir, r.policyDir} }
	if len(sources()) > 0 {
		o.WatchedPoll, o.ReliablePoll = registryPoll, registryPoll
	}
	return filewatch.New(o).Run(ctx)
}

// reloadFor reloads for an administrator.
func (r *reloader) reloadFor(ctx context.Context, by agent.Caller) error {
	if err := r.agent.Administer(ctx, by, "reload"); err != nil {
		return err
	}
	if err := r.reload(ctx); err != nil {
		return fault.Errorf("reload", fault.InvalidRequest, "%v", err)
	}
	if r.retryStore != nil {
		r.retryStore()
	}
	return nil
}

// reloadIfChanged reloads if a source has changed. A change without an event may still be
// in progress: the source must be the same in a second check, after a while.
func (r *reloader) reloadIfChanged(ctx context.Context, reported bool) (again time.Duration) {
	r.mu.Lock()
	now := r.readLayers()
	same, whole := reflect.DeepEqual(now, r.found), reported || reflect.DeepEqual(now, r.changed)
	r.changed = now
	r.mu.Unlock()
	switch {
	case same:
		return 0
	case !whole:
		return filewatch.Settle
	}
	_ = r.reload(ctx) // it has logged why it failed; the daemon goes on
	return 0
}

// reload applies the configuration as it is now. Of what is local, one that is
// not good changes nothing: the last good one stays in force, under the policy
// of now, since a mistake on a device must not keep policy away from it.
func (r *reloader) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = r.readLayers()
	now := r.managed.Restore(r.found, r.policyDir)
	resolved, problems, failed := r.resolve(now)
	if failed != nil {
		r.logging.WarnContext(ctx, "the configuration was not reloaded; the old one stays in force", "err", failed)
		now.Layers = slices.Concat(r.local, slices.DeleteFunc(slices.Clone(now.Layers), func(l policy.Layer) bool { return !isManaged(l) }))
		resolved, _, _ = r.resolve(policy.Reading{Layers: now.Layers}) // what was good is, and policy is never fatal
	}
	changed := policy.Diff(r.settings, resolved.Settings).Reload
	r.activate(now, resolved, problems)
	if failed == nil {
		logProblems(ctx, r.logging.Logger, r.problems)
	}
	r.saveManaged(ctx)
	r.logging.set(resolved.Settings.Log)
	r.agent.Apply(resolved.Settings, forStatus(r.problems))
	if r.rescanTokenFiles != nil {
		r.rescanTokenFiles()
	}
	r.reportStatus(failed)
	r.logging.InfoContext(ctx, "configuration reloaded", "changed", changed, "waiting_for_restart", r.pendingRestart)
	if failed != nil {
		return fmt.Errorf("the old configuration stays in force: %w", failed)
	}
	return nil
}

// saveManaged remembers policy for the next start. Where that fails, a start in
// the middle of a rollout is all that suffers.
func (r *reloader) saveManaged(ctx context.Context) {
	if r.image {
		return
	}
	if err := saveLastGood(r.managed, r.lastPolicyFile()); err != nil {
		r.logging.WarnContext(ctx, "managed policy could not be kept for the next start", "err", err)
	}
}

// reportStatus lets status say that the configuration on disk is not the one in force;
// nil says that it is.
func (r *reloader) reportStatus(failed error) {
	if failed == nil {
		r.agent.Report(doctor.ConfigSource, "")
		return
	}
	r.agent.Report(doctor.ConfigSource, fmt.Sprintf("it is not good, so the one before stays in force: %v", failed))
}

func isManaged(l policy.Layer) bool { return l.Rank == policy.Managed }

// Run reloads at each SIGHUP until ctx is done.
func (r *reloader) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hup:
			_ = r.reload(ctx) // reload has logged why it failed; the daemon goes on
		}
	}
}

// diagnose adds to what the agent sees what only the daemon knows of itself.
func (r *reloader) diagnose(ctx context.Context, by agent.Caller) (api.Diagnosis, error) {
	d, err := r.agent.Diagnose(ctx, by)
	if err != nil {
		return api.Diagnosis{}, err
	}
	d.PID = os.Getpid()
	d.Config, d.StateDir, d.Socket = absolute(r.config), absolute(r.stateDir), absolute(r.socket)
	return d, nil
}

// absolute is path for somebody in another directory.
func absolute(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		return path // the working directory is gone: this much is known
	}
	return whole
}

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
