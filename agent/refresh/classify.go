package refresh

import (
	"errors"
	"fmt"
	"time"

	"regent/agent/fault"
	"regent/agent/timing"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// Evidence has the known facts about an auth token, apart from the reply to a refresh.
type Evidence struct {
	Before              tokenstore.Attempt  // the recorded attempts before this one
	Refusals            tokenstore.Refusals // in a row before this one
	SinceFirst          time.Duration       // since the first of the refusals
	HasPrevious         bool                // an older refresh token is stored and was not sent now
	RefreshTokenExpired bool                // the refresh token has reached its announced end
	SessionLimit        time.Duration       // observed time after which the service ends sessions; 0 for none
	SaneClock           bool                // the device's clock agrees with the service's
}

// Verdict is the meaning of a failed refresh and the next step.
type Verdict struct {
	State         token.State // the new state: Stale, RefreshLost, RefreshExpired or Revoked
	Code          fault.Kind
	AnswerMissing bool              // an answer is missing, so the service may have rotated the refresh token
	NotEvaluated  bool              // the service cannot have read the refresh token
	NotRecorded   bool              // this try has no recorded attempt; an open one is of an earlier process
	SentPrevious  bool              // the older refresh token was sent
	TryPrevious   bool              // retry once, at once, with the older refresh token
	Refusal       bool              // counts towards three in a row
	After         time.Duration     // the pause that the service asked for; 0 for none
	Cause         timing.LocalCause // the failure of this device; "" for none
	Text          string            // for people
}

// failure returns the pause that follows v. RefreshUncertain is fixable here, since the
// mode can be changed on this device.
func (v Verdict) failure() timing.Failure {
	fixable := v.NotEvaluated || v.NotRecorded || v.Code == fault.RefreshUncertain
	return timing.Failure{Code: v.Code, Text: v.Text, After: v.After, Cause: v.Cause, Fixable: fixable}
}

// A refusal other than invalid_grant ends an auth token only after this many refusals in a
// row over this time.
const (
	refusalsNeeded = 3
	refusalsOver   = 30 * time.Minute
)

// Classify returns the meaning of a failed refresh, by evidence. It is pure.
func Classify(f *tms.Failure, e Evidence) Verdict {
	later := Verdict{State: token.Stale, Code: fault.Unavailable}
	switch {
	case errors.Is(f, tms.ErrNoRefreshToken):
		return Verdict{
			State: token.RefreshExpired, Code: fault.RefreshExpired, NotEvaluated: true,
			Text: fault.Commands(fmt.Sprintf("%s gave no refresh token, so the auth token ends with its access token. To redeem again, which uses one count, run: sudo regent instances redeem %s", f.Host, fault.InstancePlaceholder)),
		}
	case f.Refused:
		later.NotEvaluated = true
		later.Text = fmt.Sprintf("Regent sent no request to %s: %v", f.Host, f.Err)
	case f.Reach == tms.NotSent:
		later.NotEvaluated = true
		later.Text = fmt.Sprintf("%s cannot be reached. Regent retries. Check the network and the proxy", f.Host)
		if why := f.Handshake(); why != "" {
			later.Text = fmt.Sprintf("%s: %s. Regent retries. For the cause, run: %s", f.Host, why, fault.Commands("sudo regent doctor"))
		}
	case f.Reach == tms.Lost:
		later.AnswerMissing = true
		later.Text = fmt.Sprintf("the answer of %s was lost. Regent retries", f.Host)
	case f.Status == 429:
		later.Code, later.After, later.NotEvaluated = fault.Throttled, f.RetryAfter, true
		later.Text = fmt.Sprintf("%s asks for a pause (HTTP 429)", f.Host)
	case f.Status == 408 || f.Status >= 500: // a proxy sends these after the service has finished, too
		later.AnswerMissing, later.After = true, f.RetryAfter
		later.Text = fmt.Sprintf("%s answers HTTP %d. Regent retries", f.Host, f.Status)
	case f.Status >= 400 && f.ServiceShape && f.Code == "invalid_grant" && !fromProxy(f):
		return invalidGrantVerdict(f, e)
	case f.Status >= 400 && f.ServiceShape && !fromProxy(f):
		return refusalVerdict(f, e)
	default:
		later.NotEvaluated = true
		later.Text = fmt.Sprintf("another system answered for %s (HTTP %d), for example a captive portal or a proxy. Regent retries. Check the network", f.Host, f.Status)
	}
	return later
}

// invalidGrantVerdict classifies "this refresh token is no longer valid" by our evidence. At
// its announced end the service refuses it in any case.
func invalidGrantVerdict(f *tms.Failure, e Evidence) Verdict {
	switch {
	case e.RefreshTokenExpired:
		return expiredVerdict(f, e)
	case e.Before.AnswerMissing() && e.HasPrevious && !e.Before.PreviousTried:
		return tryPreviousVerdict()
	case e.Before.AnswerMissing():
		return Verdict{State: token.RefreshLost, Code: fault.RefreshLost, Text: verdictText(fault.RefreshLost, f)}
	default:
		return Verdict{State: token.Revoked, Code: fault.Revoked, Text: verdictText(fault.Revoked, f)}
	}
}

func tryPreviousVerdict() Verdict {
	return Verdict{
		State: token.Stale, Code: fault.Unavailable, TryPrevious: true,
		Text: "the answer to an earlier refresh was lost. Regent tries the previous refresh token once",
	}
}

// expiredVerdict is the verdict on a refresh token at its end. If the service is known to end
// its sessions, the text says so.
func expiredVerdict(f *tms.Failure, e Evidence) Verdict {
	text := verdictText(fault.RefreshExpired, f)
	if e.SessionLimit > 0 {
		text = fmt.Sprintf("the service ended the session: %s. To redeem again, which costs one count, run: %s (%s said: %s)",
			token.SessionLimitText(e.SessionLimit), fault.Commands("sudo regent instances redeem "+fault.InstancePlaceholder), f.Host, f.ServiceWords())
	}
	return Verdict{State: token.RefreshExpired, Code: fault.RefreshExpired, Text: text}
}

// refusalVerdict counts refusals. Three in a row over 30 m, with a correct clock, mean the
// same as invalid_grant. At the announced end of the refresh token, one is enough.
func refusalVerdict(f *tms.Failure, e Evidence) Verdict {
	if e.RefreshTokenExpired && e.SaneClock {
		return expiredVerdict(f, e)
	}
	if e.Refusals.Count+1 >= refusalsNeeded && e.SinceFirst >= refusalsOver && e.SaneClock {
		return invalidGrantVerdict(f, e)
	}
	return Verdict{
		State: token.Stale, Code: fault.Unavailable, Refusal: true,
		Text: fmt.Sprintf("%s refuses to refresh (HTTP %d, %s). Regent keeps the auth token and retries", f.Host, f.Status, f.ServiceWords()),
	}
}

func verdictText(k fault.Kind, f *tms.Failure) string {
	return fmt.Sprintf("%s (%s said: %s)", fault.Commands(k.Advice()), f.Host, f.ServiceWords())
}
