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

// Evidence is what is known of an auth token beside the reply to a refresh.
type Evidence struct {
	Before              tokenstore.Attempt  // attempts on record before this one
	Refusals            tokenstore.Refusals // in a row before this one
	SinceFirst          time.Duration       // since the first of them
	HasPrevious         bool                // an older refresh token is kept and was not the one sent
	RefreshTokenExpired bool                // at the end of the refresh token's life, as the service announced it, or past it
	SessionLimit        time.Duration       // after which the service ends its sessions, as was seen; 0 if no end was seen
	SaneClock           bool                // the device's clock agrees with the service's
}

// Verdict is what a failed refresh means and what follows it.
type Verdict struct {
	State         token.State // what it came to: Stale, RefreshLost, RefreshExpired or Revoked
	Code          fault.Kind
	AnswerMissing bool              // the service may have rotated the refresh token: an answer is missing
	NotEvaluated  bool              // the service cannot have looked at the refresh token
	NotRecorded   bool              // no attempt is on record for this: an open one is of another process
	SentPrevious  bool              // it was the older refresh token that was sent
	TryPrevious   bool              // ask again with the older refresh token, once, now
	Refusal       bool              // counts towards three in a row
	After         time.Duration     // the service asked for a pause
	Cause         timing.LocalCause // what failed on this device; "" if nothing did
	Text          string            // for a person
}

// failure is what v says of the next attempt. A mode may be changed on this device.
func (v Verdict) failure() timing.Failure {
	fixable := v.NotEvaluated || v.NotRecorded || v.Code == fault.RefreshUncertain
	return timing.Failure{Code: v.Code, Text: v.Text, After: v.After, Cause: v.Cause, Fixable: fixable}
}

// A refusal that is no invalid_grant gives an identity up only if it is said
// this often and over this long.
const (
	refusalsNeeded = 3
	refusalsOver   = 30 * time.Minute
)

// Classify decides by evidence what a failed refresh means. It is pure.
func Classify(f *tms.Failure, e Evidence) Verdict {
	later := Verdict{State: token.Stale, Code: fault.Unavailable}
	switch {
	case errors.Is(f, tms.ErrNoRefreshToken):
		return Verdict{
			State: token.RefreshExpired, Code: fault.RefreshExpired, NotEvaluated: true,
			Text: fmt.Sprintf("%s gave no refresh token, so the auth token ends with its access token. To redeem again, which uses one count, run: regent instances redeem %s", f.Host, fault.InstancePlaceholder),
		}
	case f.Refused:
		later.NotEvaluated = true
		later.Text = fmt.Sprintf("nothing was sent to %s: %v", f.Host, f.Err)
	case f.Reach == tms.NotSent:
		later.NotEvaluated = true
		later.Text = fmt.Sprintf("%s cannot be reached; check the network and the proxy; it is tried again by itself", f.Host)
		if why := f.Handshake(); why != "" {
			later.Text = fmt.Sprintf("%s: %s; regent doctor says what to do; it is tried again by itself", f.Host, why)
		}
	case f.Reach == tms.Lost:
		later.AnswerMissing = true
		later.Text = fmt.Sprintf("the answer of %s was lost; it is tried again by itself", f.Host)
	case f.Status == 429:
		later.Code, later.After, later.NotEvaluated = fault.Throttled, f.RetryAfter, true
		later.Text = fmt.Sprintf("%s asks for a pause (HTTP 429)", f.Host)
	case f.Status == 408 || f.Status >= 500: // a proxy sends these after the service has finished, too
		later.AnswerMissing, later.After = true, f.RetryAfter
		later.Text = fmt.Sprintf("%s answers HTTP %d; it is tried again by itself", f.Host, f.Status)
	case f.Status >= 400 && f.ServiceShape && f.Code == "invalid_grant" && !fromProxy(f):
		return invalidGrantVerdict(f, e)
	case f.Status >= 400 && f.ServiceShape && !fromProxy(f):
		return refusalVerdict(f, e)
	default:
		later.NotEvaluated = true
		later.Text = fmt.Sprintf("something that is not the service answered for %s (HTTP %d), as a captive portal or a proxy does; check the network; it is tried again by itself", f.Host, f.Status)
	}
	return later
}

// invalidGrantVerdict reads "this refresh token is good no more" by our own evidence. At
// the announced end of its life it would be refused whatever else happened.
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
		Text: "the answer to an earlier refresh was lost; the refresh token before it is tried once",
	}
}

// expiredVerdict is the verdict on a refresh token at its end. Where sessions were seen to
// end, that is what a person has to know.
func expiredVerdict(f *tms.Failure, e Evidence) Verdict {
	text := verdictText(fault.RefreshExpired, f)
	if e.SessionLimit > 0 {
		text = fmt.Sprintf("the service has ended the session: %s; to redeem again costs one count: regent instances redeem %s (%s said: %s)",
			token.SessionLimitText(e.SessionLimit), fault.InstancePlaceholder, f.Host, f.ServiceWords())
	}
	return Verdict{State: token.RefreshExpired, Code: fault.RefreshExpired, Text: text}
}

// refusalVerdict counts: three in a row over half an hour, with a sane clock, mean what
// invalid_grant means. At the announced end of the refresh token's life one is
// enough.
func refusalVerdict(f *tms.Failure, e Evidence) Verdict {
	if e.RefreshTokenExpired && e.SaneClock {
		return expiredVerdict(f, e)
	}
	if e.Refusals.Count+1 >= refusalsNeeded && e.SinceFirst >= refusalsOver && e.SaneClock {
		return invalidGrantVerdict(f, e)
	}
	return Verdict{
		State: token.Stale, Code: fault.Unavailable, Refusal: true,
		Text: fmt.Sprintf("%s refuses to refresh (HTTP %d, %s); it is tried again by itself before the auth token is given up", f.Host, f.Status, f.ServiceWords()),
	}
}

func verdictText(k fault.Kind, f *tms.Failure) string {
	return fmt.Sprintf("%s (%s said: %s)", k.Advice(), f.Host, f.ServiceWords())
}
