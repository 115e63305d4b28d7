package main

import (
	"fmt"
	"time"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/platform/terminal"
)

// renderRegistration returns the result of a registration, instance by instance. The
// error is not nil if the command waited and a redemption failed; it has the reasons.
// Without waiting, a fault may be older than this registration token.
func renderRegistration(r api.Registration, waited bool, v view) (string, error) {
	text := fmt.Sprintf("Registration token %s is sealed, for %s.\n", printable(r.Fingerprint), printable(r.Tenant))
	switch {
	case !r.Stored:
		text = fmt.Sprintf("Registration token %s was not stored: no instance at %s needs it.\n", printable(r.Fingerprint), printable(r.Tenant))
	case len(r.Instances) == 0:
		return text + "No application uses it yet. Regent redeems it when one is configured.\n", nil
	}
	var rows [][2]string
	var failures unredeemedError
	for _, i := range r.Instances {
		outcome, failed := outcomeOf(i, waited)
		rows = append(rows, [2]string{printable(i.Name), printable(outcome)})
		if failed != nil {
			failures = failures.with(failed.WithInstance(i.Name))
		}
	}
	if text += v.labelled("  ", rows); len(failures) == 0 {
		return text, nil
	}
	return text, failures
}

// unredeemedError has the reasons why instances are not registered. Instances with the
// same reason share one entry.
type unredeemedError []*fault.Fault

func (u unredeemedError) Error() string { return fmt.Sprintf("not redeemed, for %d reasons", len(u)) }

// Unwrap returns the first reason, which decides the exit code.
func (u unredeemedError) Unwrap() error { return u[0] }

func (u unredeemedError) with(f *fault.Fault) unredeemedError {
	for i, known := range u {
		if f.Kind == known.Kind && f.Detail == known.Detail {
			u[i] = known.WithInstance(known.Instance + ", " + f.Instance)
			return u
		}
	}
	return append(u, f)
}

// outcomeOf returns the outcome of a registration for one instance, and the reason if the
// instance is not registered. The reason is nil also if nothing was tried.
func outcomeOf(i status.Instance, waited bool) (string, *fault.Fault) {
	switch state := token.State(i.State); state {
	case token.Live, token.Stale:
		return "registered, token valid for " + terminal.Duration(time.Duration(i.ExpiresIn)*time.Second), nil
	case token.Expired:
		return "registered before, but its token cannot be refreshed now", nil
	case token.Uncertain:
		return "uncertain: a count may have been used", reasonText(i, fault.RedemptionUncertain)
	case token.Revoked, token.RefreshLost, token.RefreshExpired:
		advice := fault.New("redeem", fault.Kind(state), nil).WithInstance(i.Name).Text()
		return fmt.Sprintf("%s, not redeemed again; %s", stateText(i, true, false), advice), nil
	}
	if i.LastFault == nil || !waited {
		return "not redeemed yet: the agent redeems in the background, or when an application first asks", nil
	}
	failed := reasonText(i, fault.Kind(i.LastFault.Code))
	if failed.Kind.NeedsPerson() {
		return "not redeemed: " + valueText(string(failed.Kind)), failed
	}
	return fmt.Sprintf("not redeemed yet: %s; the agent retries", valueText(string(failed.Kind))), failed
}

// reasonText returns the daemon's reason, or the text of the kind.
func reasonText(i status.Instance, k fault.Kind) *fault.Fault {
	if i.LastFault == nil || fault.Kind(i.LastFault.Code) != k {
		return fault.New("redeem", k, nil)
	}
	return fault.Errorf("redeem", k, "%s", i.LastFault.Detail)
}
