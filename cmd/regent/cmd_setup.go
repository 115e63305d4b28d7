package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/token"
	"regent/cmd/completion"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/platform/files"
	"regent/platform/terminal"
)

// setupFlags are the flags of regent setup.
type setupFlags struct {
	tenant, tokenFile, application string
	tokenStdin, yes, dryRun        bool
	instances                      int
	users, groups, units           []string
	wait                           time.Duration
}

// setup is one run of regent setup.
type setup struct {
	*cli
	cmd    *cobra.Command
	flags  setupFlags
	device setupDevice
}

func newSetup(c *cli) *cobra.Command {
	s := setup{cli: c}
	cmd := command("setup", "Set up an application on this device, from the tenant to its token",
		`Set up an application on this device. It asks for the application, the tenant,
the number of instances, the users, groups and systemd units that may use it,
and the registration token. Flags replace the questions. It does not ask for
values that a package or policy sets.

It shows the file that it will write and the counts that this costs. Then it
asks. It writes config.d/`+setupName+` beside the configuration, gives the
registration token to the agent, and waits for the tokens. With --yes and no
registration token, it only writes the file. To give the token later, run:
sudo regent register --file FILE

If you run it again, it shows the changes. It does not redeem an instance twice.
To undo it, delete the file. Used counts do not come back.`,
		func(cmd *cobra.Command, _ []string) error {
			s.cmd = cmd
			if err := s.checkFlags(); err != nil {
				return err
			}
			return s.run()
		})
	cmd.Example = `  sudo regent setup
  sudo regent setup --tenant demo-host.com --token-file token \
    --application cad --instances 2 --users alice --yes
  sudo regent setup --application cad --instances 3 --dry-run`
	s.addFlags(cmd)
	completion.Flag(cmd, "application", completion.Words(c.applicationIDs))
	return cmd
}

func (s *setup) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.flags.tenant, "tenant", "", "the `URL` of the token service (default: the configured one)")
	f.StringVar(&s.flags.tokenFile, "token-file", "", "the `file` with the registration token, readable by its owner only")
	f.BoolVar(&s.flags.tokenStdin, "token-stdin", false, "read the registration token from standard input")
	f.StringVar(&s.flags.application, "application", "", "the `id` of the application (default: the only configured one)")
	f.IntVar(&s.flags.instances, "instances", 0, "the `number` of instances; each costs one count (default: the configured number, or 1)")
	f.StringArrayVar(&s.flags.users, "users", nil, "the `names` of users who may use it (default: the user who ran sudo)")
	f.StringArrayVar(&s.flags.groups, "groups", nil, "the `names` of groups that may use it")
	f.StringArrayVar(&s.flags.units, "units", nil, "the `names` of systemd units that may use it")
	f.BoolVar(&s.flags.yes, "yes", false, "do not ask: use the defaults and write the file")
	f.BoolVar(&s.flags.dryRun, "dry-run", false, "show the file and the counts, and change nothing")
	f.DurationVar(&s.flags.wait, "wait", 2*time.Minute, "how long to wait for the redemption")
	jsonFlag(cmd, "print the result as JSON; it asks no question")
}

// setupPlan is the change that regent setup makes.
type setupPlan struct {
	id      string // the application
	tenant  string
	content string    // the new content of the file; "" for no file
	file    setupFile // the same
	waiting []string  // the instances that a registration token is redeemed for
	manual  []string  // the instances that only a person redeems again
	refused []string  // the instances whose stored registration token setup uses once more
	secret  token.Secret
	origin  tokenOrigin
	stored  bool // a registration token for the tenant is stored already

	unneeded bool   // a registration token was given, but no instance needs it
	doubt    string // about the form of the registration token
	accepted bool   // the service redeemed the registration token

	unfinished bool // an instance waits for a person's decision

	onDemand bool // the application is redeemed at its first request
}

func (s setup) checkFlags() error {
	if s.flags.tokenFile != "" && s.flags.tokenStdin {
		return usage(s.cmd, "--token-file and --token-stdin exclude each other")
	}
	_, err := seconds(s.cmd, "wait", s.flags.wait)
	return err
}

func (s setup) run() error {
	var err error
	if s.device, err = s.readSetupDevice(s.cmd.Context()); err != nil {
		return err
	}
	p, err := s.plan()
	if err != nil {
		return unwritten(err)
	}
	changes := p.content != s.device.content
	text := s.renderPlan(p)
	switch {
	case s.flags.dryRun && wantsJSON(s.cmd):
		return printJSON(s.cmd.OutOrStdout(), s.result(p, "dry_run", nil))
	case s.flags.dryRun:
		return write(s.cmd, text+"Nothing was written: --dry-run.\n")
	case !wantsJSON(s.cmd):
		err = write(s.cmd, text)
	}
	if err == nil && (changes || !p.secret.IsZero() || len(p.refused) > 0) {
		err = unwritten(confirm(s.cmd, s.runtimeEnv, s.flags.yes, p.question(changes)))
	}
	if err != nil {
		return err
	}
	return s.carryOut(p, changes)
}

// carryOut writes the file, gives the registration token and waits.
func (s setup) carryOut(p setupPlan, changes bool) (err error) {
	if changes {
		err = s.apply(p)
	} else {
		err = s.checkTenant(p, s.device.policy)
	}
	if err == nil {
		err = s.finish(p, changes)
		if errors.Is(err, client.ErrNotReachable) && changes {
			err = withNextStep(err, fault.Commands("Setup wrote "+s.device.path+". Regentd then stopped answering. Find the reason: regent doctor. Then run: sudo regent setup"))
		}
	}
	if errors.Is(err, context.Canceled) && changes {
		return withNextStep(err, s.device.path+" is written. Regent continues. See: regent status")
	}
	return err
}

// unwritten adds to an interruption that nothing was written.
func unwritten(err error) error {
	if errors.Is(err, context.Canceled) {
		return withNextStep(err, "Nothing was written, and no count was used.")
	}
	return err
}

// plan collects the answers. It changes nothing.
func (s setup) plan() (p setupPlan, err error) {
	a := setupAnswers{setup: s}
	if err = a.collect(); err != nil {
		return p, err
	}
	p.id, p.file, p.content = a.id, a.file, a.file.render()
	p.tenant = s.device.tenant(a.file, a.id)
	p.stored = holdsRegistration(s.device.status, token.TenantHost(p.tenant))
	p.onDemand = s.device.value("applications."+a.id+".redeem") == policy.OnDemand
	counts := 1 // not known yet
	if p.id != "" && p.tenant != "" {
		p.waiting, p.manual = s.device.waiting(a.file, p.tenant)
		p.unfinished = len(p.manual) > 0 || slices.ContainsFunc(instancesOf(s.device.status, p.id), isDoubtful)
		counts = len(p.waiting)
	}
	if !s.flags.yes && !s.flags.dryRun && s.confirm == nil {
		a.missing = append(a.missing, "--yes")
	}
	if s.noDumps != nil { // before the token is in memory
		err = s.noDumps()
	}
	if err == nil {
		err = a.readToken(&p, counts)
	}
	if p.stored && p.secret.IsZero() {
		p.refused = s.device.refused(p.waiting)
	}
	if err == nil && len(a.missing) > 0 {
		err = usage(s.cmd, "there is no terminal to ask a question; add %s", strings.Join(a.missing, ", "))
	}
	if err != nil {
		return p, err
	}
	_, err = resolveSetup(s.device.path, p.content)
	return p, err
}

// question is the last question, before the change.
func (p setupPlan) question(changes bool) string {
	switch {
	case changes && !p.secret.IsZero():
		return "Write this file and use the registration token?"
	case changes:
		return "Write this file?"
	case len(p.refused) > 0:
		return "Use the stored registration token once more?"
	}
	return "Use the registration token?"
}

// renderPlan shows the file, or its changes, and the cost.
func (s setup) renderPlan(p setupPlan) string {
	path := printable(s.device.path)
	head := "Will change " + path + ":\n\n"
	switch {
	case p.content == s.device.content && p.content == "":
		head = "No file is needed: the configuration is complete.\n"
	case p.content == s.device.content:
		head = "Unchanged: " + path + "\n"
	case s.device.content == "":
		head = "New file " + path + ":\n\n"
	case p.content == "":
		head = "Will delete " + path + ":\n\n"
	}
	var rest strings.Builder
	for _, warning := range s.warnings(p) {
		rest.WriteString("Warning: " + printable(warning) + ".\n")
	}
	rest.WriteString(p.cost() + "\n")
	return terminal.WrapText(head, s.width) + s.diff(p) + terminal.WrapText(rest.String(), s.width)
}

// diff returns the changed lines of the file; "" if it does not change.
func (s setup) diff(p setupPlan) string {
	if p.content == s.device.content {
		return ""
	}
	var b strings.Builder
	for _, line := range diffLines(s.device.content, p.content) {
		mark := line.mark
		if s.device.content == "" {
			mark = ' '
		}
		words := strings.TrimLeft(line.text, " ")
		indent := fmt.Sprintf("  %c %*s", mark, len(line.text)-len(words), "")
		parts := []string{printable(words)}
		if s.width > 0 && terminal.Cells(indent+words) > s.width {
			parts = terminal.Wrap(parts[0], max(1, s.width-len(indent)-2))
		}
		text := indent + strings.Join(parts, "\n"+strings.Repeat(" ", len(indent)+2))
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	return b.String() + "\n"
}

// cost says how many counts the redemptions cost.
func (p setupPlan) cost() string {
	n := len(p.waiting)
	if n == 0 && p.unfinished {
		return "No count is used."
	}
	if n == 0 {
		return "No count is used: each instance already has an auth token."
	}
	names := p.waiting
	if n > maxNames {
		names = append(slices.Clone(names[:maxNames]), "…")
	}
	text := fmt.Sprintf("This uses %s of the registration token: %s.", plural(n, "count"), strings.Join(names, ", "))
	if p.secret.IsZero() && !p.stored && p.origin.name == "" {
		text += map[bool]string{true: " Regent uses it", false: " Regent uses them"}[n == 1] + " when you give the registration token."
	}
	if len(p.refused) > 0 {
		text += " The service refused the stored registration token before. Regent asks it again."
	}
	return text
}

// maxNames is the number of instances that the plan names.
const maxNames = 8

// apply writes the file, and restores the old one if regentd refuses it or does not read
// it.
func (s setup) apply(p setupPlan) error {
	if err := replaceFile(s.device.path, p.content); err != nil {
		return withNextStep(fmt.Errorf("cannot %w", err),
			fault.Commands("Nothing was changed. Free disk space, or make the directory writable. Then run: sudo regent setup"))
	}
	err := s.reload(p)
	if err == nil || s.cmd.Context().Err() != nil {
		return err
	}
	if undo := replaceFile(s.device.path, s.device.content); undo != nil {
		return errors.Join(err, undo)
	}
	return errors.Join(err, s.reloadDaemon())
}

// reload makes the daemon read the file, and checks that it did.
func (s setup) reload(p setupPlan) error {
	if err := s.reloadDaemon(); err != nil {
		return err
	}
	now, err := ask(s.cmd.Context(), 0, s.agent().Policy)
	if err == nil {
		err = s.checkTenant(p, now)
	}
	if err != nil || p.content == "" {
		return err
	}
	read := slices.ContainsFunc(now.Keys, func(k api.PolicyKey) bool {
		return s.device.isOwn(k.Source) || slices.ContainsFunc(k.Hides, func(v api.PolicyValue) bool { return s.device.isOwn(v.Source) })
	})
	if !read {
		return withNextStep(fmt.Errorf("regentd does not read %s: it uses another configuration directory", s.device.path),
			fault.Commands("Add the lines above to a file that it reads. See which: sudo regent policy"))
	}
	return nil
}

// checkTenant refuses a tenant that another source overrides: the registration token would
// be for a tenant that the application does not use.
func (s setup) checkTenant(p setupPlan, now api.Policy) error {
	for _, k := range now.Keys {
		if k.Key == "applications."+p.id+".tenant" && k.Value != policy.WriteYAML(p.tenant) {
			return withNextStep(fmt.Errorf("%s sets the tenant of %s to %s, not to %s", k.Source, p.id, k.Value, p.tenant),
				"Change the tenant in "+k.Source+", then run the command again.")
		}
	}
	return nil
}

func (s setup) reloadDaemon() error {
	_, err := ask(s.cmd.Context(), 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.agent().Reload(ctx) })
	return err
}

// replaceFile writes a file that everybody may read; "" deletes it.
func replaceFile(path, content string) error {
	if content == "" {
		return os.Remove(path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // everybody may read the configuration
		return err
	}
	return files.Write(path, []byte(content), 0o644)
}

// isSettled reports whether nothing more happens to an instance soon: it has an auth token,
// it waits for an administrator, or a redemption failed after since.
func isSettled(i status.Instance, since time.Time) bool {
	return token.State(i.State) != token.Unredeemed || i.NeedsRedeem() || i.LastFault != nil && !i.LastFault.At.Before(since)
}
