package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/tms/contract"
	"regent/cmd/completion"
	"regent/ipc/client"
	"regent/platform/localsock"
	"regent/platform/terminal"
)

// diagnosisTime is the longest time for the daemon's checks of its services.
const diagnosisTime = 30 * time.Second

// answerTime is the longest time for the first answer of the daemon.
const answerTime = 5 * time.Second

func newDoctor(c *cli) *cobra.Command {
	var registration, forms bool
	var config string
	cmd := command("doctor", "Find problems of this installation, and show the next step",
		`Find problems of this installation, and show the next step. It checks the
connection to the service, the registration token, the store, the configuration,
the socket and the daemon. It changes nothing and costs no count.

Exit codes: 0 no problem, 6 a warning, 7 a failure: an application gets no
token, or soon will not.`,
		func(cmd *cobra.Command, _ []string) error {
			if forms {
				return c.showContract(cmd)
			}
			facts := c.gather(cmd.Context(), config)
			r := doctor.Judge(facts)
			if err := show(cmd, r, func() string { return renderDoctor(r, facts, c.view(), registration) }); err != nil {
				return err
			}
			return severityError(r)
		})
	cmd.Example = `  regent doctor
  sudo regent doctor --check-registration
  sudo regent doctor --contract`
	jsonFlag(cmd, "print the findings as JSON")
	cmd.Flags().BoolVar(&registration, "check-registration", false, "also show the effect of a redemption now; sends no registration token and costs no count")
	cmd.Flags().BoolVar(&forms, "contract", false, "show only the undocumented forms of each tenant (administrators); it sends made-up tokens and costs no count")
	cmd.Flags().StringVar(&config, "config", "", "the configuration `file` to check if no daemon answers (default: the installed one)")
	cmd.AddCommand(newDoctorExplain())
	return cmd
}

func newDoctorExplain() *cobra.Command {
	cmd := command("explain CODE", "Show the runbook page of a code of doctor, or of an error", "", func(cmd *cobra.Command, args []string) error {
		page, ok := doctor.Explain(args[0])
		if !ok {
			return usage(cmd, "unknown code %.40q; regent doctor shows the codes of this device", args[0])
		}
		return write(cmd, page)
	})
	cmd.Args = oneArgument("name one code, such as dns_failed")
	cmd.Example = "  regent doctor explain dns_failed"
	cmd.ValidArgsFunction = completion.Argument(func(context.Context, *cobra.Command) []cobra.Completion { return explainedCodes() })
	return cmd
}

// explainedCodes returns the codes of doctor with their titles, then those of errors that
// doctor does not find.
func explainedCodes() (words []cobra.Completion) {
	for _, e := range doctor.Table() {
		words = append(words, cobra.CompletionWithDesc(string(e.Code), e.Title))
	}
	for _, k := range fault.Kinds() {
		if _, known := doctor.Lookup(doctor.Code(k)); !known {
			words = append(words, cobra.CompletionWithDesc(string(k), k.Advice()))
		}
	}
	return words
}

// severityError returns the exit code of the worst severity.
func severityError(r doctor.Report) error {
	switch r.Worst() {
	case doctor.Failure:
		return healthError(status.NotServing)
	case doctor.Warning:
		return healthError(status.Degraded)
	}
	return nil
}

// gather collects the facts of this device. config is the configuration file to read if
// no daemon answers; "" is the installed one.
func (c *cli) gather(ctx context.Context, config string) doctor.Facts {
	f := doctor.Facts{
		Audience: doctor.User, Client: doctor.Client{Version: version},
		Socket: doctor.Socket{Path: c.socket, Connection: doctor.ConnectionAnswered, Closed: c.localFacts.socketMode(c.socket)},
	}
	if c.euid == 0 || c.localFacts.elevated != nil && c.localFacts.elevated() {
		f.Audience = doctor.Administrator
	}
	if d, err := c.diagnose(ctx); err == nil {
		f.Daemon, f.Audience, f.Others = &d, d.Audience, c.localFacts.otherDaemons(d)
		f.Proxies = c.localFacts.proxies(d)
	} else {
		f.Socket.Connection, f.Socket.Failure = client.ConnectionOf(err), err.Error()
	}
	f.Units, _ = c.units(ctx) // none without a service manager
	if f.Daemon == nil && f.Socket.Connection != doctor.ConnectionThrottled && (config != "" || c.socket == localsock.DefaultPath) {
		f.Config = c.localFacts.config(ctx, config)
	}
	if c.localFacts.windows != nil {
		f.Windows = c.localFacts.windows(ctx, c.socket, f.Daemon)
	}
	return f
}

// diagnose asks the daemon for its diagnosis, which may take diagnosisTime. It first
// checks that the daemon answers within answerTime.
func (c *cli) diagnose(ctx context.Context) (doctor.Daemon, error) {
	first, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("%w within %s", client.ErrNotReachable, terminal.Duration(answerTime)))
	defer cancel()
	a := c.agent()
	if _, err := a.Status(first); err != nil {
		return doctor.Daemon{}, timeoutError(first, err)
	}
	return ask(ctx, diagnosisTime, a.Diagnose)
}

// renderDoctor returns the report, and the dry run of a redemption if registration is set.
func renderDoctor(r doctor.Report, f doctor.Facts, v view, registration bool) string {
	text := renderReport(r, v)
	if registration {
		text += "\n" + renderDryRun(f, v)
	}
	return text
}

// renderReport returns each finding with its evidence and the next step.
func renderReport(r doctor.Report, v view) string {
	var b strings.Builder
	if worst := r.Worst(); worst == "" || worst == doctor.Info {
		b.WriteString(v.paint(bold+green, "Nothing is wrong.") + "\n")
	}
	for _, f := range r.Findings {
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(renderFinding(f, v))
	}
	b.WriteString("\n" + v.prose("Checked: "+strings.Join(r.Checked, ", ")+"."))
	for _, text := range skippedChecks(r.Skipped) {
		b.WriteString(v.prose(text))
	}
	return b.String()
}

// skippedChecks returns one sentence for each reason, in the order of the checks.
func skippedChecks(all []doctor.Skipped) (out []string) {
	for _, group := range groups(all, func(s doctor.Skipped) string { return s.Why }) {
		var names []string
		for _, s := range group {
			names = append(names, s.Check)
		}
		out = append(out, fmt.Sprintf("Not checked: %s, since %s.", strings.Join(names, ", "), group[0].Why))
	}
	return out
}

func renderFinding(f doctor.Finding, v view) string {
	colour := map[doctor.Severity]string{doctor.Failure: red, doctor.Warning: yellow}[f.Severity]
	head := string(f.Code) + ": " + f.Title
	return v.paint(bold+colour, strings.TrimSuffix(v.prose(head), "\n")) + "\n" + v.labelled("  ", findingRows(f))
}

// findingRows returns the evidence, the cause and the next step of a finding.
func findingRows(f doctor.Finding) [][2]string {
	var rows facts
	rows.add("About", f.Subject)
	return append(rows, [2]string{"Evidence", printable(f.Evidence)}, [2]string{"Cause", f.Cause}, [2]string{"Do", printable(f.Next)})
}

// renderDryRun describes the effect of a redemption without one. It cannot know the
// counts that are left: the service has no call for them.
func renderDryRun(f doctor.Facts, v view) string {
	if f.Daemon == nil {
		return "No registration token was checked: no daemon answers.\n"
	}
	if len(f.Daemon.RegistrationTokens) == 0 {
		return "Regent has no registration token, so it would redeem nothing.\n"
	}
	var rows [][2]string
	for _, h := range f.Daemon.RegistrationTokens {
		rows = append(rows, [2]string{h.Label(), printable(dryRun(h, f.Daemon.ServiceChecks))})
	}
	return v.paint(bold, "Effect of a redemption now (nothing was sent)") + "\n" + v.labelled("  ", rows) +
		v.prose("Only a redemption or the Contact Administrator can tell how many counts are left: tmsctl registration-token list.")
}

func dryRun(h doctor.RegistrationToken, ways []doctor.ServiceCheck) string {
	text := fmt.Sprintf("for %s, would use %s", h.Tenant, plural(h.Pending, "count"))
	if h.Application != "" {
		text += " for " + h.Application
	}
	i := slices.IndexFunc(ways, func(w doctor.ServiceCheck) bool { return w.Host == h.Tenant })
	switch {
	case h.Refused != "":
		text += fmt.Sprintf(", but the service refused it (%s): %s", h.Refused, h.Message)
	case i < 0:
		text += "; the configuration names no such tenant"
	case ways[i].Stage != fault.StageDone:
		text += ", but Regent does not reach the service, see above"
	default:
		text += "; Regent reaches the service, which has not refused it yet"
	}
	return text
}

// contractTime is the longest time for the daemon to ask its tenants.
const contractTime = 60 * time.Second

// showContract runs regent doctor --contract: each tenant's undocumented forms, with the
// program and time of the check.
func (c *cli) showContract(cmd *cobra.Command) error {
	call := func(ctx context.Context) (status.Contract, error) {
		all, err := c.agent().Contract(ctx)
		for i := range all.Tenants {
			all.Tenants[i].By, all.Tenants[i].At = "regent "+version+" as a device", c.now().UTC().Truncate(time.Second)
		}
		return all, err
	}
	all, err := answer(cmd, contractTime, call, renderContract)
	if err == nil && slices.ContainsFunc(all.Tenants, contract.Block.Misfits) {
		return healthError(status.Degraded) // or a tenant could not be asked
	}
	return err
}

// renderContract returns a block for each tenant.
func renderContract(c status.Contract) string {
	if len(c.Tenants) == 0 {
		return "The configuration names no tenant yet.\n"
	}
	var blocks []string
	for _, t := range c.Tenants {
		blocks = append(blocks, t.String())
	}
	return strings.Join(blocks, "\n")
}
