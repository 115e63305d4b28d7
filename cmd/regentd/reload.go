package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

// reloader applies the configuration at the start and after each change.
type reloader struct {
	*options
	agent            *agent.Agent // set when the daemon runs
	logging          *logging
	retryStore       func()           // retries an unusable store
	rescanTokenFiles func()           // searches for registration token files, which may have new names
	hup              <-chan os.Signal // requests a reload
	image            bool             // this machine is a golden image: no policy is saved

	mu             sync.Mutex
	found          policy.Reading // the last one that was applied
	changed        policy.Reading // a newer one that may be incomplete
	managed        policy.LastGood
	local          []policy.Layer  // the active layers that are not managed
	started        policy.Settings // at the start; keys that need a restart still have these values
	settings       policy.Settings // active
	resolved       policy.Resolved // the same with origins
	problems       []policy.Problem
	pendingRestart []string // keys with new values that wait for a restart
	appliedAt      time.Time
}

// newReloader reads the configuration for the first time. The reloader notices every later
// change.
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

// activate stores the active configuration.
func (r *reloader) activate(f policy.Reading, resolved policy.Resolved, problems []policy.Problem) {
	r.local = slices.DeleteFunc(slices.Clone(f.Layers), isManaged)
	r.settings, r.resolved = resolved.Settings, resolved
	r.problems = slices.Concat(problems, policy.EnvironmentProblems(resolved.Settings, address.FromEnvironment(os.Getenv)), newHostChecker().checkFiles(resolved))
	r.pendingRestart = policy.Diff(r.started, resolved.Settings).Restart
	for _, key := range r.pendingRestart {
		p, _ := resolved.Provenance(key)
		r.problems = append(r.problems, policy.Problem{Origin: p.Origin, Key: key, Text: doctor.NeedsRestart})
	}
	r.appliedAt = now()
}

// registryPoll is the time between two reads of sources other than files.
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
// in progress. The source must then be the same in a second check after
// [filewatch.Settle].
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
	_ = r.reload(ctx) // it has logged the error
	return 0
}

// reload applies the current configuration. If the local configuration is invalid, the
// previous one stays active. New policy is applied in any case: a mistake on a device must
// not keep policy away from it.
func (r *reloader) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = r.readLayers()
	now := r.managed.Restore(r.found, r.policyDir)
	resolved, problems, failed := r.resolve(now)
	if failed != nil {
		r.logging.WarnContext(ctx, "the configuration is invalid; the previous one stays active", "err", failed)
		now.Layers = slices.Concat(r.local, slices.DeleteFunc(slices.Clone(now.Layers), func(l policy.Layer) bool { return !isManaged(l) }))
		resolved, _, _ = r.resolve(policy.Reading{Layers: now.Layers}) // the local layers are the last valid ones, and policy is never fatal
	}
	changed := policy.Diff(r.settings, resolved.Settings).Reload
	r.activate(now, resolved, problems)
	if failed == nil {
		logProblems(ctx, r.logging.Logger, r.problems)
	}
	r.saveManaged(ctx)
	r.logging.set(resolved.Settings.Log)
	r.agent.Apply(resolved.Settings, forStatus(r.problemsWithout(failed)))
	if r.rescanTokenFiles != nil {
		r.rescanTokenFiles()
	}
	r.reportStatus(failed)
	r.logging.InfoContext(ctx, "configuration reloaded", "changed", changed, "waiting_for_restart", r.pendingRestart)
	if failed != nil {
		return fmt.Errorf("the configuration is invalid; the previous one stays active: %w", failed)
	}
	return nil
}

// saveManaged saves policy for the next start. If that fails, only a start in the middle of
// a rollout is affected.
func (r *reloader) saveManaged(ctx context.Context) {
	if r.image {
		return
	}
	if err := saveLastGood(r.managed, r.lastPolicyFile()); err != nil {
		r.logging.WarnContext(ctx, "cannot save managed policy for the next start", "err", err)
	}
}

// reportStatus reports to status that the configuration on disk is not active. nil removes
// the report.
func (r *reloader) reportStatus(failed error) {
	if failed == nil {
		r.agent.Report(doctor.ConfigSource, "")
		return
	}
	r.agent.Report(doctor.ConfigSource, fmt.Sprintf("it is invalid, so the previous one stays active: %v", failed))
}

func isManaged(l policy.Layer) bool { return l.Rank == policy.Managed }

// problemsWithout returns the problems that are not in the error failed. reportStatus
// reports the others.
func (r *reloader) problemsWithout(failed error) []policy.Problem {
	if failed == nil {
		return r.problems
	}
	return slices.DeleteFunc(slices.Clone(r.problems), func(p policy.Problem) bool { return strings.Contains(failed.Error(), p.Error()) })
}

// Run reloads at each SIGHUP until ctx is done.
func (r *reloader) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hup:
			_ = r.reload(ctx) // it has logged the error
		}
	}
}

// diagnose adds the daemon's process ID and paths to the agent's diagnosis.
func (r *reloader) diagnose(ctx context.Context, by agent.Caller) (api.Diagnosis, error) {
	d, err := r.agent.Diagnose(ctx, by)
	if err != nil {
		return api.Diagnosis{}, err
	}
	d.PID = os.Getpid()
	d.Config, d.StateDir, d.Socket = absolute(r.config), absolute(r.stateDir), absolute(r.socket)
	return d, nil
}

// absolute returns the absolute form of path.
func absolute(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		return path // the working directory does not exist any more
	}
	return whole
}

// policyReport returns the active configuration and its origins, for an administrator.
func (r *reloader) policyReport(ctx context.Context, by agent.Caller) (api.Policy, error) {
	if err := r.agent.Administer(ctx, by, "policy"); err != nil {
		return api.Policy{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return policyToAPI(r.resolved, r.problems, r.pendingRestart, api.Policy{AppliedAt: r.appliedAt}), nil
}

// policyToAPI converts the configuration to the wire's type. A key that waits for a restart
// also has a problem with this text.
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
