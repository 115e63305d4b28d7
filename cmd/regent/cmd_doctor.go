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
	"regent/ipc/client"
	"regent/platform/localsock"
)

// diagnosisTime is how long the daemon may take to look at its services.
const diagnosisTime = 30 * time.Second

// answerTime is how long a daemon may take to answer at all.
const answerTime = 5 * time.Second

func newDoctor(c *cli) *cobra.Command {
	var registration, forms bool
	var config string
	cmd := command("doctor", "Say what is wrong with this installation, and what to do next",
		`Say what is wrong with this installation, and what to do next: the way to the
service, the registration token, the store, the configuration, the socket and the
daemon are looked at. It changes nothing and costs no count.

Exit codes: 0 nothing is wrong, 6 something should be mended, 7 something is not
served or will soon not be.`,
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
	jsonFlag(cmd, "print the findings as JSON")
	cmd.Flags().BoolVar(&registration, "check-registration", false, "also say what a redemption would do now; it sends no registration token and costs no count")
	cmd.Flags().BoolVar(&forms, "contract", false, "say instead which of the undocumented forms each tenant has (administrators); what is sent is made up and costs no count")
	cmd.Flags().StringVar(&config, "config", "", "configuration `file` that is looked at where no daemon answers (default: the installed one)")
	cmd.AddCommand(newDoctorExplain())
	return cmd
}

func newDoctorExplain() *cobra.Command {
	cmd := command("explain CODE", "Show the runbook page of a code of doctor, or of an error of the agent", "", func(cmd *cobra.Command, args []string) error {
		page, ok := doctor.RunbookPages()[args[0]+".md"]
		if !ok {
			return usage(cmd, "there is no code %.40q; regent doctor names those that hold", args[0])
		}
		return write(cmd, page)
	})
	cmd.Args = oneArgument("name one code, such as dns_failed")
	return cmd
}

// severityError ends regent with the code of the worst severity.
func severityError(r doctor.Report) error {
	switch r.Worst() {
	case doctor.Failure:
		return healthError(status.NotServing)
	case doctor.Warning:
		return healthError(status.Degraded)
	}
	return nil
}

// gather collects the facts of this device. config is the configuration to read if no
// daemon answers, "" the installed one.
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
	f.Units, _ = c.units(ctx) // a manager that cannot be asked has none
	if f.Daemon == nil && f.Socket.Connection != doctor.ConnectionThrottled && (config != "" || c.socket == localsock.DefaultPath) {
		f.Config = c.localFacts.config(ctx, config)
	}
	if c.localFacts.windows != nil {
		f.Windows = c.localFacts.windows(ctx, c.socket, f.Daemon)
	}
	return f
}

// diagnose has the daemon look at its services, which takes its time, once it has
// shown that it answers at all.
func (c *cli) diagnose(ctx context.Context) (doctor.Daemon, error) {
	first, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("%w: no answer within %s", client.ErrNotReachable, formatDuration(answerTime)))
	defer cancel()
	a := c.agent()
	if _, err := a.Status(first); err != nil {
		return doctor.Daemon{}, timeoutError(first, err)
	}
	return ask(ctx, diagnosisTime, a.Diagnose)
}

// renderDoctor is the report, and what a redemption would do where that is asked.
func renderDoctor(r doctor.Report, f doctor.Facts, v view, registration bool) string {
	text := renderReport(r, v)
	if registration {
		text += "\n" + renderDryRun(f, v)
	}
	return text
}

// renderReport is each finding with its evidence and the next step.
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
	b.WriteString("\n" + v.prose("Looked at: "+strings.Join(r.Checked, ", ")+"."))
	for _, text := range skippedChecks(r.Skipped) {
		b.WriteString(v.prose(text))
	}
	return b.String()
}

// skippedChecks is one sentence for each reason, in their order.
func skippedChecks(all []doctor.Skipped) (out []string) {
	for _, group := range groups(all, func(s doctor.Skipped) string { return s.Why }) {
		var names []string
		for _, s := range group {
			names = append(names, s.Check)
		}
		out = append(out, fmt.Sprintf("Not looked at: %s, since %s.", strings.Join(names, ", "), group[0].Why))
	}
	return out
}

func renderFinding(f doctor.Finding, v view) string {
	colour := map[doctor.Severity]string{doctor.Failure: red, doctor.Warning: yellow}[f.Severity]
	head := string(f.Code) + ": " + f.Title
	var rows facts
	rows.add("About", f.Subject)
	rows = append(rows, [2]string{"Seen", printable(f.Evidence)}, [2]string{"Cause", f.Cause}, [2]string{"Do", printable(f.Next)})
	return v.paint(bold+colour, strings.TrimSuffix(v.prose(head), "\n")) + "\n" + v.labelled("  ", rows)
}

// renderDryRun says what a redemption would do, as far as that can be known
// without one: the service has no call that tells how a registration token is.
func renderDryRun(f doctor.Facts, v view) string {
	if f.Daemon == nil {
		return "No registration token was looked at: no daemon answers.\n"
	}
	if len(f.Daemon.RegistrationTokens) == 0 {
		return "No registration token is held, so nothing would be redeemed.\n"
	}
	var rows [][2]string
	for _, h := range f.Daemon.RegistrationTokens {
		rows = append(rows, [2]string{h.Label(), printable(dryRun(h, f.Daemon.ServiceChecks))})
	}
	return v.paint(bold, "What a redemption would do (nothing was sent)") + "\n" + v.labelled("  ", rows) +
		v.prose("How many counts are left only a redemption tells, or the Contact Administrator: tmsctl registration-token list.")
}

func dryRun(h doctor.RegistrationToken, ways []doctor.ServiceCheck) string {
	text := fmt.Sprintf("for %s, would use %d counts", h.Tenant, h.Pending)
	if h.Application != "" {
		text += " for " + h.Application
	}
	i := slices.IndexFunc(ways, func(w doctor.ServiceCheck) bool { return w.Host == h.Tenant })
	switch {
	case h.Refused != "":
		text += fmt.Sprintf("; but the service refused it (%s): %s", h.Refused, h.Message)
	case i < 0:
		text += "; the configuration names no such tenant"
	case ways[i].Stage != fault.StageDone:
		text += "; but the service is not reached, see above"
	default:
		text += "; the service is reached, and has not refused it yet"
	}
	return text
}

// contractTime is how long the daemon may take to ask its tenants.
const contractTime = 60 * time.Second

// showContract is regent doctor --contract: each tenant's undocumented forms, who asked,
// and when.
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

// renderContract is a block for each tenant.
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
