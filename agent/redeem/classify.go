package redeem

import (
	"cmp"
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
	Retry           bool       // another POST may follow by itself
	UsesRetryBudget bool       // that retry takes from limits.redeem_uncertain_retries
	After           time.Duration
	Cause           timing.LocalCause // what failed on this device; "" if nothing did
	Text            string            // what a person is told: what happened, and the next step
}

// documented500 is the only error text of the service that Thales documents. The
// text recommends to retry.
const documented500 = "an internal error occurred"

// Classify decides by evidence what a failed redemption means. The table "Order of
// operations" in agent/DESIGN.md has the same rows. It is pure.
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
	case f.Status == 503 && f.HasRetryAfter: // A: not consumed
		return unusedVerdict(fault.Unavailable, f.RetryAfter, fmt.Sprintf("%s is not available now (HTTP 503, with a time to come back); it is tried again by itself", f.Host))
	case f.Status == 500 && f.ServiceShape && strings.Contains(strings.ToLower(f.Message), documented500):
		v := uncertainVerdict(f, "the service reported its internal error")
		v.Retry, v.UsesRetryBudget = true, true
		return v
	case f.Status == 408 || f.Status >= 500:
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d, which a proxy also sends after the service has finished", f.Status))
	case f.Status < 300: // what says that it worked is no proof that nothing did
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d without an auth token", f.Status))
	case f.SaysNothing():
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d without an error code, as a gateway also sends", f.Status))
	case f.Status >= 400 && f.ServiceShape:
		return refusedVerdict(f)
	default:
		return uncertainVerdict(f, fmt.Sprintf("something that is not the service answered (HTTP %d), and a proxy can do so after the service has finished", f.Status))
	}
}

// unusedVerdict is the verdict on what cannot have used a count.
func unusedVerdict(code fault.Kind, after time.Duration, text string) Verdict {
	return Verdict{Entry: Unused, Code: code, Retry: true, After: after, Text: text}
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
const formAdvice = "the service refuses the form of the redemption; set contract.request to the other form (wrapped or bare), or to auto; then run: regent instances redeem " + fault.InstancePlaceholder

// disabledAdvice is the advice on a registration token that the service calls so: it is
// the right one, so comparing it is no use.
const disabledAdvice = "the registration token is disabled; ask the Contact Administrator to enable it, or for another one; one that is enabled again is tried again by itself within six hours, or at once with: regent instances redeem " + fault.InstancePlaceholder
