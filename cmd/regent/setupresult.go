package main

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/platform/terminal"
)

// setupResult is the answer of regent setup --json.
type setupResult struct {
	File        string            `json:"file"`
	Action      string            `json:"action"`  // written, unchanged, dry_run
	Content     string            `json:"content"` // of the file; "" if there is none
	Tenant      string            `json:"tenant"`
	Application string            `json:"application"`
	Counts      int               `json:"counts"`    // that the redemptions cost
	Instances   []status.Instance `json:"instances"` // of the application
	Warnings    []string          `json:"warnings"`
}

func (s setup) result(p setupPlan, action string, instances []status.Instance) setupResult {
	return setupResult{
		File: s.device.path, Action: action, Content: p.content, Tenant: p.tenant, Application: p.id, Counts: len(p.waiting),
		Instances: append([]status.Instance{}, instances...), Warnings: append([]string{}, s.warnings(p)...),
	}
}

// finish gives the registration token to the daemon, waits for the tokens, and shows the
// result.
func (s setup) finish(p setupPlan, changed bool) error {
	began := s.device.status.Now
	if st, err := s.status(s.cmd.Context()); err == nil {
		began = st.Now
	}
	if err := s.give(p); err != nil {
		return err
	}
	if p.secret.IsZero() && len(p.refused) == 0 {
		began = time.Time{} // an earlier failure stays
	}
	all, err := s.await(p, began)
	if err != nil {
		return err
	}
	p.dropOldRefusals(all, began)
	p.accepted = s.isAccepted(p)
	text, failed := s.outcome(p, all)
	denied, err := s.denied(p)
	if err != nil {
		return err
	}
	if wantsJSON(s.cmd) {
		action := "unchanged"
		if changed {
			action = "written"
		}
		r := s.result(p, action, all)
		r.Warnings = append(r.Warnings, denied...)
		err = printJSON(s.cmd.OutOrStdout(), r)
	} else {
		for _, warning := range append(s.fileWarnings(p), denied...) {
			text += s.view().prose("Warning: " + printable(warning) + ".")
		}
		err = write(s.cmd, text)
	}
	return cmp.Or(err, failed)
}

// dropOldRefusals deletes refusals from before the time at which setup made Regent ask the
// service again: they are no answer.
func (p setupPlan) dropOldRefusals(all []status.Instance, asked time.Time) {
	for n, i := range all {
		if len(p.refused) > 0 && i.LastFault != nil && isRefusal(i.LastFault.Code) && i.LastFault.At.Before(asked) {
			all[n].LastFault = nil
		}
	}
}

// isAccepted reports whether the tenant of the plan has redeemed the registration token. It
// returns false if the ledger cannot be read.
func (s setup) isAccepted(p setupPlan) bool {
	if p.secret.IsZero() {
		return false
	}
	l, err := ask(s.cmd.Context(), 0, s.agent().Ledger)
	elsewhere := func(e api.LedgerEntry) bool { return e.Tenant != token.TenantHost(p.tenant) }
	return err == nil && redeem.HasRedeemed(slices.DeleteFunc(l.Entries, elsewhere), token.Fingerprints(p.secret))
}

// denied returns the warnings about users that the rules in force deny.
func (s setup) denied(p setupPlan) ([]string, error) {
	now, err := ask(s.cmd.Context(), 0, s.agent().Policy)
	if err != nil {
		return nil, err
	}
	return s.deniedUsers(p, now), nil
}

// give registers the registration token, if there is one. Otherwise it makes Regent use a
// refused one once more.
func (s setup) give(p setupPlan) error {
	for _, name := range p.refused {
		id, number, _ := strings.Cut(name, "/")
		_, err := ask(s.cmd.Context(), 0, func(ctx context.Context) (struct{}, error) { return struct{}{}, s.agent().Redeem(ctx, id, number) })
		if err != nil {
			return err
		}
	}
	if p.secret.IsZero() {
		return nil
	}
	req := api.RegistrationRequest{
		RegistrationToken: p.secret.Reveal(), Tenant: p.tenant, Source: p.origin.name, //nolint:forbidigo // sent to the daemon
	}
	_, err := ask(s.cmd.Context(), 0, func(ctx context.Context) (api.Registration, error) { return s.agent().Register(ctx, req) })
	return err
}

// setupPoll is the time between two requests of the status.
const setupPoll = 200 * time.Millisecond

// await waits until the instances of the application have settled, and prints the progress.
// It returns their last state.
func (s setup) await(p setupPlan, since time.Time) ([]status.Instance, error) {
	ctx, cancel := context.WithTimeout(s.cmd.Context(), s.flags.wait)
	defer cancel()
	waits := !p.secret.IsZero() || p.stored
	for said := -1; ; {
		st, err := s.status(s.cmd.Context())
		if err != nil {
			return nil, err
		}
		all := instancesOf(st, p.id)
		live, settled := 0, len(all) > 0
		for _, i := range all {
			settled = settled && isSettled(i, since)
			if i.ExpiresIn > 0 {
				live++
			}
		}
		if !waits || p.onDemand || settled {
			return all, nil
		}
		if live != said && !wantsJSON(s.cmd) {
			terminal.Print(s.err, fmt.Sprintf("Asking %s: %d of %s …\n", printable(token.TenantHost(p.tenant)), live, plural(len(all), "instance")))
			said = live
		}
		select {
		case <-time.After(setupPoll):
		case <-ctx.Done():
			return all, s.cmd.Context().Err()
		}
	}
}

// instancesOf returns the instances of an application.
func instancesOf(st status.Status, id string) []status.Instance {
	for _, a := range st.Applications {
		if a.ID == id {
			return a.Instances
		}
	}
	return nil
}

// outcome returns the table and the line for the application, or the missing parts. The
// error has the reasons why instances have no token.
func (s setup) outcome(p setupPlan, all []status.Instance) (string, error) {
	rows := [][]string{{"APPLICATION", "INSTANCE", "STATE", "VALID FOR"}}
	held := p.stored || !p.secret.IsZero()
	for _, i := range all {
		valid := "-"
		if i.ExpiresIn > 0 {
			valid = terminal.Duration(time.Duration(i.ExpiresIn) * time.Second)
		}
		rows = append(rows, []string{p.id, printable(i.Name), stateText(i, held, p.onDemand), valid})
	}
	text := "\n" + terminal.Table(rows, s.width) + "\n"
	if err := s.missing(p, all, held); err != nil {
		return text + s.undo(p), err
	}
	return text + fmt.Sprintf("Start your program:\n  regent exec --application %s -- PROGRAM\n", p.id) + s.curl(p) + s.undo(p), nil
}

// missing returns the reasons why instances have no token; nil if each has one, or gets
// one at its first request. held: a registration token is stored.
func (s setup) missing(p setupPlan, all []status.Instance, held bool) error {
	var failures unredeemedError
	var waiting, others int
	for _, i := range all {
		unredeemed := token.State(i.State) == token.Unredeemed
		_, failed := outcomeOf(i, true)
		switch {
		case i.ExpiresIn > 0 || unredeemed && held && p.onDemand:
		case i.NeedsRegistration(held):
			waiting++
		case failed != nil:
			failures = failures.with(failed.WithInstance(i.Name))
		default:
			others++
		}
	}
	switch {
	case waiting > 0:
		return fault.Errorf("setup", fault.NotRegistered, "no registration token for %d of %s. Ask the Contact Administrator for one, then run: sudo regent setup", waiting, plural(len(all), "instance"))
	case len(failures) > 0:
		return failures
	case others > 0 || len(all) == 0:
		return fault.Errorf("setup", fault.Unavailable, "no valid token yet for %d of %s. Find the reason: regent doctor", others, plural(len(all), "instance"))
	}
	return nil
}

// curl is the request of a program that asks for its token itself.
func (s setup) curl(p setupPlan) string {
	if runtime.GOOS == "windows" {
		return ""
	}
	return fmt.Sprintf("Or request the token from your program:\n  curl --unix-socket %s http://regent/v1/token -d '{\"application\":\"%s\"}'\n", terminal.Quote(printable(s.socket)), p.id)
}

// undo says how to undo the setup, and where a copy of the registration token is left.
func (s setup) undo(p setupPlan) string {
	remove := "  " + fault.Commands("sudo rm") + " "
	text := ""
	if p.content != "" {
		text = terminal.WrapText("To undo, delete the file. Used counts do not come back:\n", s.width) + remove + terminal.Quote(printable(s.device.path)) + "\n"
	}
	switch path := p.origin.path; {
	case path == "" || p.secret.IsZero():
	case !p.accepted:
		text += terminal.WrapText("The service has not accepted the registration token yet. Keep its file:\n", s.width) + "  " + printable(path) + "\n"
	default:
		text += terminal.WrapText("The registration token is sealed. Delete its file:\n", s.width) + remove + terminal.Quote(printable(filepath.Clean(path))) + "\n"
	}
	return text
}
