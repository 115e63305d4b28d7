package redeem

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"regent/agent/fault"
	"regent/agent/timing"
	"regent/agent/tms"
)

// Verdict is what a failed redemption means and what may follow it.
type Verdict struct {
	Entry           Kind       // what the ledger says: Unused, Refused or Uncertain
	Code            fault.Kind // what callers are told
	UsesRetryBudget bool       // another POST follows by itself, and takes from limits.redeem_uncertain_retries
	After           time.Duration
	Cause           timing.LocalCause // what failed on this device; "" if nothing did
	Text            string            // what a person is told: what happened, and the next step
}

// failure is what v says of the next attempt.
func (v Verdict) failure() timing.Failure {
	return timing.Failure{Code: v.Code, Text: v.Text, After: v.After, Cause: v.Cause, Fixable: v.Entry == Unused}
}

// documented500 is the only error text of the service that Thales documents. The
// text recommends to retry.
const documented500 = "an internal error occurred"

// Classify decides by evidence what a failed redemption means. The table "What a failed
// redemption means" in agent/DESIGN.md has the same rows. It is pure.
func Classify(f *tms.Failure) Verdict {
	switch {
	case f.Reach == tms.NotSent:
		if why := f.Handshake(); why != "" {
			return unusedVerdict(fault.Unavailable, 0, fmt.Sprintf("%s: %s, so nothing was sent and no count used; regent doctor says what to do; it is tried again by itself", f.Host, why))
		}
		return unusedVerdict(fault.Unavailable, 0, fmt.Sprintf("%s cannot be reached, so nothing was sent and no count used; check the network, the proxy and the tenant; it is tried again by itself", f.Host))
	case f.Reach == tms.Lost && f.Status != 0:
		return uncertainVerdict(f, "the answer could not be read")
	case f.Reach == tms.Lost:
		return uncertainVerdict(f, "the answer was lost")
	case f.Status == 429:
		return unusedVerdict(fault.Throttled, f.RetryAfter, fmt.Sprintf("%s asks for a pause (HTTP 429); no count was used; it is tried again by itself", f.Host))
	case f.Status == 503 && f.HasRetryAfter && f.ServiceShape:
		return budgetVerdict(f, "the service is not available now (HTTP 503)")
	case f.Status == 500 && f.ServiceShape && strings.Contains(strings.ToLower(f.Message), documented500):
		return budgetVerdict(f, "the service reported its internal error")
	case f.Status == 408 || f.Status >= 500:
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d, which a proxy also sends after the service has finished", f.Status))
	case f.Status < 300: // what says that it worked is no proof that nothing did
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d without an auth token", f.Status))
	case f.SaysNothing():
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d without an error code, as a gateway also sends", f.Status))
	case f.Status >= 400 && f.ServiceShape:
		return refusedVerdict(f)
	default:
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d from something other than the service, which a proxy also sends after the service has finished", f.Status))
	}
}

// unusedVerdict is the verdict on what cannot have used a count.
func unusedVerdict(code fault.Kind, after time.Duration, text string) Verdict {
	return Verdict{Entry: Unused, Code: code, After: after, Text: text}
}

func uncertainVerdict(f *tms.Failure, what string) Verdict {
	v := Verdict{
		Entry: Uncertain, Code: fault.RedemptionUncertain,
		Text: fmt.Sprintf("redeeming at %s: %s, so a count may have been used", f.Host, what),
	}
	if f.Code+f.Message != "" {
		v.Text += fmt.Sprintf(" (%s said: %s)", f.Host, f.ServiceWords())
	}
	return v
}

// budgetVerdict is the verdict on an answer that asks for another try, and does not say
// whether a count was used.
func budgetVerdict(f *tms.Failure, what string) Verdict {
	v := uncertainVerdict(f, what)
	v.UsesRetryBudget, v.After = true, f.RetryAfter
	return v
}

// resolveHint is how a person decides about an uncertain redemption.
func resolveHint(redemption string) string {
	return fmt.Sprintf("; ask the Contact Administrator whether tmsctl auth-token list shows %s; if it does: regent ledger resolve %[1]s --consumed, and if not: regent ledger resolve %[1]s --not-consumed, after which it is redeemed by itself", redemption)
}

// classifyError classifies the failure of a POST. What is no evidence at all may
// have been sent.
func classifyError(err error) Verdict {
	if f, ok := errors.AsType[*tms.Failure](err); ok {
		return Classify(f)
	}
	return uncertainVerdict(&tms.Failure{Host: "the service"}, "the client failed")
}

// discoveryVerdict is the verdict on a failed discovery: it costs nothing, so it
// is always tried again.
func discoveryVerdict(err error) Verdict {
	v := Verdict{Entry: Unused, Code: fault.Unavailable}
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		v.Text = fmt.Sprintf("the client of the service cannot be made: %v; check tenant, proxy and ca_file in the configuration; it is tried again by itself", err)
		return v
	}
	if f.Status == 429 {
		v.Code = fault.Throttled
	}
	v.After = f.RetryAfter
	v.Text = fmt.Sprintf("%v; no count was used; check the tenant, the network and the proxy; it is tried again by itself", f)
	return v
}

// localVerdict is the verdict on a failure of this device: nothing was sent.
func localVerdict(err error) Verdict {
	return Verdict{
		Entry: Unused, Code: fault.Unavailable, Cause: timing.CauseStore,
		Text: fmt.Sprintf("nothing was sent, since this device is not ready to keep an auth token: %v; it is tried again by itself", err),
	}
}

// notStoredVerdict is the verdict on an auth token that was bought and is not yet durable.
func notStoredVerdict(err error) Verdict {
	return Verdict{
		Entry: Confirmed, Code: fault.Unavailable, Cause: timing.CauseStore,
		Text: fmt.Sprintf("one count was used, and the auth token it bought cannot be stored: %v; it is held in memory and storing it is tried again by itself; leave the daemon running and make the state directory writable", err),
	}
}

// The words that tell refusals apart. They are assumed: no document has them.
var (
	wordsExpired   = regexp.MustCompile(`(?i)expired`)
	wordsDisabled  = regexp.MustCompile(`(?i)disabled`)
	wordsExhausted = regexp.MustCompile(`(?i)(^|[^a-z])(count|consumed|exhausted)($|[^a-z])`) // a code has _ around them
)

// refusedVerdict reads the service's words. They are always passed on.
func refusedVerdict(f *tms.Failure) Verdict {
	words := strings.TrimSpace(f.Code + " " + f.Message)
	v := Verdict{Entry: Refused, Code: fault.RegistrationRefused}
	switch {
	case wordsExpired.MatchString(words):
		v.Code = fault.RegistrationExpired
	case wordsExhausted.MatchString(words):
		v.Code = fault.RegistrationExhausted
	}
	advice := v.Code.Advice()
	if v.Code == fault.RegistrationRefused && f.FormRefused() {
		advice = formAdvice
	}
	if v.Code == fault.RegistrationRefused && wordsDisabled.MatchString(cmp.Or(f.Message, f.Code)) {
		advice = disabledAdvice
	}
	v.Text = fmt.Sprintf("%s (%s said: %s)", advice, f.Host, f.ServiceWords())
	return v
}

// formAdvice is the advice on a refusal that is about the body of the request.
const formAdvice = "the service refuses the form of the redemption. Set contract.request to the other form (wrapped or bare), or to auto. Then run: regent instances redeem " + fault.InstancePlaceholder

// disabledAdvice is the advice on a registration token that the service calls so: it is
// the right one, so comparing it is no use.
const disabledAdvice = "the registration token is disabled; ask the Contact Administrator to enable it, or for another one; one that is enabled again is tried again by itself within six hours, or at once with: regent instances redeem " + fault.InstancePlaceholder
