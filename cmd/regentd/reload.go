package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"slices"
	"sync"
	"time"

	"regent/agent"
	"regent/agent/address"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/platform/mdm"
)

// reloader applies the configuration, at the start and whenever it changes.
type reloader struct {
	*options
	agent   *agent.Agent // from when the daemon runs
	logging *logging
	files   *mdm.Files
	retry   func()           // tries a store again that could not be used
	lookIn  func()           // looks for the registration token's files, which may have other names now
	hup     <-chan os.Signal // asks for a reload
	image   bool             // this machine is a golden image: nothing is kept

	mu       sync.Mutex
	found    findings // as they were last
	managed  lastGood
	local    []policy.Layer  // those beside policy that are in force
	started  policy.Settings // at the start: what needs a restart is still as it was there
	in       policy.Settings // in force
	resolved policy.Resolved // the same, with where it is from
	problems []policy.Problem
	waiting  []string // keys whose changed values wait for a restart
	applied  time.Time
}

// newReloader reads the configuration for the first time. What changes from now
// on is noticed.
func newReloader(o *options) (*reloader, error) {
	r := &reloader{options: o}
	watched := []string{o.config, o.configDir, o.policyDir}
	for _, s := range sources() {
		watched = append(watched, s.file)
	}
	files, err := mdm.NewFiles(mdm.FilesOptions{Paths: watched, Changed: r.look})
	if err != nil {
		return nil, err
	}
	r.files = files
	r.found = o.find()
	forgotten := r.managed.recall(o.lastPolicy(), o.policyDir)
	now := r.managed.mend(r.found, o.policyDir)
	resolved, problems, err := o.resolve(now)
	if err != nil {
		return nil, err
	}
	r.started = resolved.Settings
	if forgotten != nil {
		problems = append(problems, policy.Problem{Origin: policy.Origin{Rank: policy.Managed, Name: o.lastPolicy()}, Text: forgotten.Error()})
	}
	r.inForce(now, resolved, problems)
	return r, nil
}

// inForce remembers what is in force from now on.
func (r *reloader) inForce(f findings, resolved policy.Resolved, problems []policy.Problem) {
	r.local = slices.DeleteFunc(slices.Clone(f.layers), isManaged)
	r.in, r.resolved = resolved.Settings, resolved
	r.problems = slices.Concat(problems, environmentProblems(resolved.Settings, address.FromEnvironment(os.Getenv)), thisMachine().files(resolved))
	r.waiting = policy.Diff(r.started, resolved.Settings).Restart
	for _, key := range r.waiting {
		p, _ := resolved.Provenance(key)
		r.problems = append(r.problems, policy.Problem{Origin: p.Origin, Key: key, Text: "the changed value waits for a restart of regentd"})
	}
	r.applied = now()
}

// watches are the loops that notice changes.
func (r *reloader) watches() []func(context.Context) error {
	loops := []func(context.Context) error{r.files.Run}
	for _, s := range sources() {
		if s.watch != nil {
			loops = append(loops, func(ctx context.Context) error { return r.follow(ctx, s) })
		}
	}
	return loops
}

// followAgain is how long a source is left alone whose watch has failed.
const followAgain = 5 * time.Second

// follow watches a source until ctx is done. If it cannot be watched, it is
// looked at every now and then.
func (r *reloader) follow(ctx context.Context, s source) error {
	for {
		err := s.watch(ctx, func() { r.look(ctx) })
		if ctx.Err() != nil {
			return nil //nolint:nilerr // it was told to end
		}
		r.logging.WarnContext(ctx, "changes of policy cannot be watched; it is read every now and then", "source", s.name, "err", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followAgain):
			r.look(ctx)
		}
	}
}

// asked reloads for an administrator.
func (r *reloader) asked(ctx context.Context, by agent.Caller) error {
	if err := r.agent.Administer(ctx, by, "reload"); err != nil {
		return err
	}
	if err := r.reload(ctx); err != nil {
		return fault.Errorf("reload", fault.InvalidRequest, "%v", err)
	}
	if r.retry != nil {
		r.retry()
	}
	return nil
}

// look reloads if anything is not as it was found last.
func (r *reloader) look(ctx context.Context) {
	r.mu.Lock()
	same := reflect.DeepEqual(r.find(), r.found)
	r.mu.Unlock()
	if !same {
		_ = r.reload(ctx) // it has logged why it failed; the daemon goes on
	}
}

// reload applies the configuration as it is now. Of what is local, one that is
// not good changes nothing: the last good one stays in force, under the policy
// of now, since a mistake on a device must not keep policy away from it.
func (r *reloader) reload(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = r.find()
	now := r.managed.mend(r.found, r.policyDir)
	resolved, problems, failed := r.resolve(now)
	if failed != nil {
		r.logging.WarnContext(ctx, "the configuration was not reloaded; the old one stays in force", "err", failed)
		now.layers = slices.Concat(r.local, slices.DeleteFunc(slices.Clone(now.layers), func(l policy.Layer) bool { return !isManaged(l) }))
		resolved, _, _ = r.resolve(findings{layers: now.layers}) // what was good is, and policy is never fatal
	}
	changed := policy.Diff(r.in, resolved.Settings).Reload
	r.inForce(now, resolved, problems)
	if failed == nil {
		logProblems(ctx, r.logging.Logger, r.problems)
	}
	r.keepManaged(ctx)
	r.logging.set(resolved.Settings.Log)
	r.agent.Apply(resolved.Settings, forStatus(r.problems))
	if r.lookIn != nil {
		r.lookIn()
	}
	r.tell(failed)
	r.logging.InfoContext(ctx, "configuration reloaded", "changed", changed, "waiting_for_restart", r.waiting)
	if failed != nil {
		return fmt.Errorf("the old configuration stays in force: %w", failed)
	}
	return nil
}

// keepManaged remembers policy for the next start. Where that fails, a start in
// the middle of a rollout is all that suffers.
func (r *reloader) keepManaged(ctx context.Context) {
	if r.image {
		return
	}
	if err := r.managed.keep(r.lastPolicy()); err != nil {
		r.logging.WarnContext(ctx, "managed policy could not be kept for the next start", "err", err)
	}
}

// tell lets status say that the configuration on disk is not the one in force;
// nil says that it is.
func (r *reloader) tell(failed error) {
	if failed == nil {
		r.agent.Report(doctor.ConfigSource, "")
		return
	}
	r.agent.Report(doctor.ConfigSource, fmt.Sprintf("it is not good, so the one before stays in force: %v", failed))
}

func isManaged(l policy.Layer) bool { return l.Rank == policy.Managed }
