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

// Verdict is the meaning of a failed redemption and the next step.
type Verdict struct {
	Entry           Kind              // of the ledger: Unused, Refused or Uncertain
	Code            fault.Kind        // for callers
	UsesRetryBudget bool              // Regent retries at the cost of limits.redeem_uncertain_retries
	After           time.Duration     // the pause that the service asked for; 0 for none
	Cause           timing.LocalCause // the failure of this device; "" for none
	Text            string            // for people: the cause and the next step
}

// failure returns the pause that follows v.
func (v Verdict) failure() timing.Failure {
	return timing.Failure{Code: v.Code, Text: v.Text, After: v.After, Cause: v.Cause, Fixable: v.Entry == Unused}
}

// documented500 is the only error text of the service that Thales documents. The
// text recommends to retry.
const documented500 = "an internal error occurred"

// Classify returns the meaning of a failed redemption, by evidence. It has the same rows as
// the table "Meaning of a failed redemption" in agent/DESIGN.md. It is pure.
func Classify(f *tms.Failure) Verdict {
	switch {
	case f.Reach == tms.NotSent:
		if why := f.Handshake(); why != "" {
			return unusedVerdict(fault.Unavailable, 0, fmt.Sprintf("%s: %s, so no count was used. Regent retries. For the cause, run: %s", f.Host, why, fault.Commands("sudo regent doctor")))
		}
		return unusedVerdict(fault.Unavailable, 0, fmt.Sprintf("%s cannot be reached, so no count was used. Regent retries. Check the network, the proxy and the tenant", f.Host))
	case f.Reach == tms.Lost && f.Status != 0:
		return uncertainVerdict(f, "the answer could not be read")
	case f.Reach == tms.Lost:
		return uncertainVerdict(f, "the answer was lost")
	case f.Status == 429:
		return unusedVerdict(fault.Throttled, f.RetryAfter, fmt.Sprintf("%s asks for a pause (HTTP 429). No count was used. Regent retries after the pause", f.Host))
	case f.Status == 503 && f.HasRetryAfter && f.ServiceShape:
		return budgetVerdict(f, "the service is not available now (HTTP 503)")
	case f.Status == 500 && f.ServiceShape && strings.Contains(strings.ToLower(f.Message), documented500):
		return budgetVerdict(f, "the service reported its internal error")
	case f.Status == 408 || f.Status >= 500:
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d, which a proxy also sends after the service has finished", f.Status))
	case f.Status < 300: // a success without an auth token may have used a count
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d without an auth token", f.Status))
	case f.SaysNothing():
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d without an error code, as a gateway also sends", f.Status))
	case f.Status >= 400 && f.ServiceShape:
		return refusedVerdict(f)
	default:
		return uncertainVerdict(f, fmt.Sprintf("HTTP %d from something other than the service, which a proxy also sends after the service has finished", f.Status))
	}
}

// unusedVerdict is the verdict on a failure that cannot have used a count.
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

// budgetVerdict is the verdict on an answer that asks for a retry but leaves open whether
// it used a count.
func budgetVerdict(f *tms.Failure, what string) Verdict {
	v := uncertainVerdict(f, what)
	v.UsesRetryBudget, v.After = true, f.RetryAfter
	return v
}

// resolveHint tells a person how to resolve an uncertain redemption.
func resolveHint(redemption string) string {
	return fault.Commands(fmt.Sprintf(". Ask the Contact Administrator whether tmsctl auth-token list shows %s. If it does, run: sudo regent ledger resolve %[1]s --consumed. If not, run: sudo regent ledger resolve %[1]s --not-consumed. Regent then redeems again", redemption))
}

// classifyError classifies the failure of a POST. Without evidence, the request may have
// been sent.
func classifyError(err error) Verdict {
	if f, ok := errors.AsType[*tms.Failure](err); ok {
		return Classify(f)
	}
	return uncertainVerdict(&tms.Failure{Host: "the service"}, "the client failed")
}

// discoveryVerdict is the verdict on a failed discovery. A discovery costs no count, so
// Regent always retries.
func discoveryVerdict(err error) Verdict {
	v := Verdict{Entry: Unused, Code: fault.Unavailable}
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		v.Text = fmt.Sprintf("no connection to the service is possible with this configuration: %v. Regent retries. Check tenant, network.proxy and network.ca_file", err)
		return v
	}
	if f.Status == 429 {
		v.Code = fault.Throttled
	}
	v.After = f.RetryAfter
	v.Text = fmt.Sprintf("%v. No count was used. Regent retries. Check the tenant, the network and the proxy", f)
	return v
}

// localVerdict is the verdict on a failure of this device: nothing was sent.
func localVerdict(err error) Verdict {
	return Verdict{
		Entry: Unused, Code: fault.Unavailable, Cause: timing.CauseStore,
		Text: fmt.Sprintf("Regent sent no redemption, since this device cannot store an auth token: %v. Regent retries", err),
	}
}

// notStoredVerdict is the verdict on a received auth token that cannot be stored yet.
func notStoredVerdict(err error) Verdict {
	return Verdict{
		Entry: Confirmed, Code: fault.Unavailable, Cause: timing.CauseStore,
		Text: fmt.Sprintf("one count was used, but the new auth token cannot be stored: %v. Regent keeps it in memory and retries. Do not stop regentd, and make the state directory writable", err),
	}
}

// The words by which Regent distinguishes refusals. They are assumed: no document has them.
var (
	wordsExpired   = regexp.MustCompile(`(?i)expired`)
	wordsDisabled  = regexp.MustCompile(`(?i)disabled`)
	wordsExhausted = regexp.MustCompile(`(?i)(^|[^a-z])(count|consumed|exhausted)($|[^a-z])`) // a code has _ around them
)

// refusedVerdict classifies a refusal by the service's words. Its text quotes them.
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
	v.Text = fmt.Sprintf("%s (%s said: %s)", fault.Commands(advice), f.Host, f.ServiceWords())
	return v
}

// formAdvice is the advice on a refusal of the form of the request.
const formAdvice = "the service refuses the form of the redemption. Set contract.request to the other form (wrapped or bare), or to auto. Then run: sudo regent instances redeem " + fault.InstancePlaceholder

// disabledAdvice is the advice on a disabled registration token. It is the right token, so
// comparing its fingerprint does not help.
const disabledAdvice = "the registration token is disabled. Ask the Contact Administrator to enable it, or for another one. Regent retries within 6 h. To redeem at once, run: sudo regent instances redeem " + fault.InstancePlaceholder
