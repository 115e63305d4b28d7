package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/client"
	"regent/platform/localsock"
)

// diagnosisTime is how long the daemon may take to look at its services.
const diagnosisTime = 30 * time.Second

// answerTime is how long a daemon may take to answer at all.
const answerTime = 5 * time.Second

func newDoctor(s runtimeEnv, socket *string, dial dialer, inquire unitQuery) *cobra.Command {
	var asJSON, registration, contract bool
	var config string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what is wrong with this installation, and what to do next",
		Long: `Say what is wrong with this installation, and what to do next: the way to the
service, the registration token, the store, the configuration, the socket and the
daemon are looked at. It changes nothing and costs no count.

Exit codes: 0 nothing is wrong, 6 something should be mended, 7 something is not
served or will soon not be.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if contract {
				return runDoctorContract(cmd, s, dial, asJSON)
			}
			facts := doctorRun{s, *socket, config, dial, inquire}.gather(cmd.Context())
			r := doctor.Judge(facts)
			if err := show(cmd, asJSON, r, func() string { return renderDoctor(r, facts, s.viewAt(s.now()), registration) }); err != nil {
				return err
			}
			return severityError(r)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	cmd.Flags().BoolVar(&registration, "check-registration", false, "also say what a redemption would do now; it sends no registration token and costs no count")
	cmd.Flags().BoolVar(&contract, "contract", false, "say instead which of the undocumented forms each tenant has (administrators); what is sent is made up and costs no count")
	cmd.Flags().StringVar(&config, "config", "", "configuration `file` that is looked at where no daemon answers (default: the installed one)")
	cmd.AddCommand(newDoctorExplain())
	return cmd
}

func newDoctorExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain CODE",
		Short: "Show the runbook page of a code of doctor, or of an error of the agent",
		Args:  oneArgument("name one code, such as dns_failed"),
		RunE: func(cmd *cobra.Command, args []string) error {
			page, ok := doctor.RunbookPages()[args[0]+".md"]
			if !ok {
				return usage(cmd, "there is no code %.40q; regent doctor names those that hold", args[0])
			}
			_, err := io.WriteString(cmd.OutOrStdout(), page)
			return err
		},
	}
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

// doctorRun is one look at everything.
type doctorRun struct {
	runtimeEnv
	socket, config string
	dial           dialer
	queryUnits     unitQuery
}

// gather finds out all that is known of this device.
func (x doctorRun) gather(ctx context.Context) doctor.Facts {
	f := doctor.Facts{
		Audience: doctor.User, Client: doctor.Client{Version: version},
		Socket: doctor.Socket{Path: x.socket, Connection: doctor.ConnectionAnswered, Closed: x.localFacts.socketMode(x.socket)},
	}
	if x.euid == 0 || x.localFacts.elevated != nil && x.localFacts.elevated() {
		f.Audience = doctor.Administrator
	}
	if d, err := x.diagnose(ctx); err == nil {
		f.Daemon, f.Audience, f.Others = &d, d.Audience, x.localFacts.otherDaemons(d)
		f.Proxies = x.localFacts.proxies(d)
	} else {
		f.Socket.Connection, f.Socket.Failure = connectionOf(err), err.Error()
	}
	// One that has not been asked has no units.
	units, _ := x.queryUnits(ctx)
	for _, u := range units {
		f.Units = append(f.Units, doctor.Unit{Name: u.name, Active: u.active, Result: u.result, Exit: u.exit, OtherMachine: u.otherMachine})
	}
	if f.Daemon == nil && f.Socket.Connection != doctor.ConnectionThrottled && (x.config != "" || x.socket == localsock.DefaultPath) {
		f.Config = x.localFacts.config(ctx, x.config)
	}
	if x.localFacts.windows != nil {
		f.Windows = x.localFacts.windows(ctx, x.socket, f.Daemon)
	}
	return f
}

// diagnose has the daemon look at its services, which takes its time, once it has
// shown that it answers at all.
func (x doctorRun) diagnose(ctx context.Context) (doctor.Daemon, error) {
	first, cancel := context.WithTimeoutCause(ctx, answerTime, fmt.Errorf("%w: no answer within %s", client.ErrNotReachable, formatDuration(answerTime)))
	defer cancel()
	a := x.dial()
	if _, err := a.Status(first); err != nil {
		return doctor.Daemon{}, timeoutError(first, err)
	}
	return ask(ctx, diagnosisTime, a.Diagnose)
}

// connectionOf says what became of a connection. A daemon that knows no diagnosis is
// one that answers.
func connectionOf(err error) doctor.Connection {
	if err == nil {
		return doctor.ConnectionAnswered
	}
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		if f.Kind == fault.Throttled {
			return doctor.ConnectionThrottled
		}
		return doctor.ConnectionFailed
	}
	return cmp.Or(connectionFailures[client.FailureReasonOf(err)], doctor.ConnectionFailed)
}

// connectionFailures is doctor's word for each reason of the client.
var connectionFailures = map[client.FailureReason]doctor.Connection{
	client.FailureNoSocket: doctor.ConnectionNoSocket, client.FailureNoListener: doctor.ConnectionRefused,
	client.FailureNoPermission: doctor.ConnectionForbidden, client.FailureUntrustedListener: doctor.ConnectionForeign,
	client.FailureNoAnswer: doctor.ConnectionTimeout,
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
func skippedChecks(all []doctor.Skipped) []string {
	var out []string
	for i, s := range all {
		if slices.ContainsFunc(all[:i], func(earlier doctor.Skipped) bool { return earlier.Why == s.Why }) {
			continue
		}
		var names []string
		for _, other := range all[i:] {
			if other.Why == s.Why {
				names = append(names, other.Check)
			}
		}
		out = append(out, fmt.Sprintf("Not looked at: %s, since %s.", strings.Join(names, ", "), s.Why))
	}
	return out
}

func renderFinding(f doctor.Finding, v view) string {
	colour := map[doctor.Severity]string{doctor.Failure: red, doctor.Warning: yellow}[f.Severity]
	head := string(f.Code) + ": " + f.Title
	rows := [][2]string{}
	if f.Subject != "" {
		rows = append(rows, [2]string{"About", printable(f.Subject)})
	}
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

// runDoctorContract is regent doctor --contract: what each tenant showed of what the
// vendor leaves open.
func runDoctorContract(cmd *cobra.Command, s runtimeEnv, dial dialer, asJSON bool) error {
	c, err := ask(cmd.Context(), contractTime, dial().Contract)
	if err != nil {
		return err
	}
	c = withSignature(c, s.now())
	err = show(cmd, asJSON, c, func() string { return renderContract(c) })
	if err == nil && hasMismatch(c) {
		return healthError(status.Degraded)
	}
	return err
}

// hasMismatch reports whether anything is configured otherwise than a tenant has it,
// or a tenant could not be asked.
func hasMismatch(c status.Contract) bool {
	return slices.ContainsFunc(c.Tenants, status.TenantContract.Misfits)
}

// withSignature says in each block who asked, and when.
func withSignature(c status.Contract, now time.Time) status.Contract {
	for i := range c.Tenants {
		c.Tenants[i].By, c.Tenants[i].At = "regent "+version+" as a device", now.UTC().Truncate(time.Second)
	}
	return c
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
