package refresh

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// The replies of the table below.
func statusFailure(status int, code, message string) *tms.Failure {
	return &tms.Failure{
		Op: "refresh", Host: "demo-host.com", Reach: tms.Answered, Status: status,
		ServiceShape: code != "" || message != "", Code: code, Message: message,
	}
}

func withRetryAfter(f *tms.Failure, d time.Duration) *tms.Failure {
	f.HasRetryAfter, f.RetryAfter = true, d
	return f
}

func TestClassify(t *testing.T) {
	grant := statusFailure(400, "invalid_grant", "Token is not active")
	doubt := tokenstore.Attempt{Unanswered: 1}
	died := tokenstore.Attempt{Open: true}
	tried := tokenstore.Attempt{Unanswered: 1, PreviousTried: true}
	many := tokenstore.Refusals{Count: 2}
	for _, tt := range []struct {
		name string
		f    *tms.Failure
		e    Evidence
		want Verdict // Text is checked for all alike
	}{
		{
			"nothing was sent", &tms.Failure{Host: "demo-host.com", Reach: tms.NotSent},
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, NotEvaluated: true},
		},
		{
			"the answer was lost", &tms.Failure{Host: "demo-host.com", Reach: tms.Lost},
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, AnswerMissing: true},
		},
		{
			"throttled", withRetryAfter(statusFailure(429, "", ""), time.Minute),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Throttled, After: time.Minute, NotEvaluated: true},
		},
		{
			"throttled in the service's shape", withRetryAfter(statusFailure(429, "throttled", "slow down"), time.Minute),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Throttled, After: time.Minute, NotEvaluated: true},
		},
		{
			"500 of the service", statusFailure(500, "x", "An internal error occurred."),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, AnswerMissing: true},
		},
		{
			"502 of a proxy", statusFailure(502, "", ""),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, AnswerMissing: true},
		},
		{
			"503 with a time", withRetryAfter(statusFailure(503, "", ""), time.Second),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, AnswerMissing: true, After: time.Second},
		},
		{
			"408", statusFailure(408, "", ""),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, AnswerMissing: true},
		},
		{
			"a portal's 401", statusFailure(401, "", ""),
			Evidence{Refusals: many, SinceFirst: time.Hour, SaneClock: true},
			Verdict{State: token.Stale, Code: fault.Unavailable, NotEvaluated: true},
		},
		{
			"a portal's redirect", statusFailure(302, "", ""),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, NotEvaluated: true},
		},

		{"invalid_grant out of the blue", grant, Evidence{}, Verdict{State: token.Revoked, Code: fault.Revoked}},
		{
			"invalid_grant past the refresh token's life", grant,
			Evidence{RefreshTokenExpired: true},
			Verdict{State: token.RefreshExpired, Code: fault.RefreshExpired},
		},
		{
			"invalid_grant after a lost answer", grant,
			Evidence{Before: doubt},
			Verdict{State: token.RefreshLost, Code: fault.RefreshLost},
		},
		{
			"invalid_grant after the process died asking", grant,
			Evidence{Before: died},
			Verdict{State: token.RefreshLost, Code: fault.RefreshLost},
		},
		{
			"at its announced end it is expired, whatever was lost before", grant,
			Evidence{Before: doubt, HasPrevious: true, RefreshTokenExpired: true},
			Verdict{State: token.RefreshExpired, Code: fault.RefreshExpired},
		},
		{
			"after a lost answer the older one is tried", grant,
			Evidence{Before: doubt, HasPrevious: true},
			Verdict{State: token.Stale, Code: fault.Unavailable, TryPrevious: true},
		},
		{
			"the older one is tried once", grant,
			Evidence{Before: tried, HasPrevious: true},
			Verdict{State: token.RefreshLost, Code: fault.RefreshLost},
		},
		{
			"without doubt the older one is left alone", grant,
			Evidence{HasPrevious: true},
			Verdict{State: token.Revoked, Code: fault.Revoked},
		},

		{
			"first refusal", statusFailure(403, "forbidden", "no"),
			Evidence{SaneClock: true},
			Verdict{State: token.Stale, Code: fault.Unavailable, Refusal: true},
		},
		{
			"a refusal at the announced end", statusFailure(401, "REFRESH_TOKEN_INVALID", "no"),
			Evidence{RefreshTokenExpired: true, SaneClock: true},
			Verdict{State: token.RefreshExpired, Code: fault.RefreshExpired},
		},
		{
			"a refusal at the announced end, clock off", statusFailure(401, "REFRESH_TOKEN_INVALID", "no"),
			Evidence{RefreshTokenExpired: true},
			Verdict{State: token.Stale, Code: fault.Unavailable, Refusal: true},
		},
		{
			"third refusal, too soon", statusFailure(403, "forbidden", "no"),
			Evidence{Refusals: many, SinceFirst: 29 * time.Minute, SaneClock: true},
			Verdict{State: token.Stale, Code: fault.Unavailable, Refusal: true},
		},
		{
			"third refusal, clock off", statusFailure(403, "forbidden", "no"),
			Evidence{Refusals: many, SinceFirst: time.Hour},
			Verdict{State: token.Stale, Code: fault.Unavailable, Refusal: true},
		},
		{
			"third refusal", statusFailure(403, "forbidden", "no"),
			Evidence{Refusals: many, SinceFirst: 30 * time.Minute, SaneClock: true},
			Verdict{State: token.Revoked, Code: fault.Revoked},
		},
		{
			"invalid_client is a refusal", statusFailure(401, "invalid_client", "no"),
			Evidence{},
			Verdict{State: token.Stale, Code: fault.Unavailable, Refusal: true},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Classify(tt.f, tt.e)
			text := got.Text
			got.Text = ""
			if got != tt.want {
				t.Errorf("Classify = %+v, want %+v", got, tt.want)
			}
			if text == "" || !got.TryPrevious && !strings.Contains(text, "demo-host.com") {
				t.Errorf("text = %q, want the host in it", text)
			}
			if tt.f.Message != "" && got.State == token.Revoked && !strings.Contains(text, tt.f.Message) {
				t.Errorf("text = %q, want the service's own words in it", text)
			}
		})
	}
}

// No answer but one in the service's own shape gives an identity up, whatever
// is on record.
func TestClassifyGivesUpOnEvidenceOnly(t *testing.T) {
	worst := Evidence{Before: tokenstore.Attempt{Unanswered: 3, PreviousTried: true}, Refusals: tokenstore.Refusals{Count: 9}, SinceFirst: time.Hour, RefreshTokenExpired: true, SaneClock: true}
	for status := 300; status < 600; status++ {
		if v := Classify(statusFailure(status, "", ""), worst); v.State != token.Stale || v.TryPrevious {
			t.Errorf("HTTP %d without the service's shape: %+v", status, v)
		}
		f := statusFailure(status, "invalid_grant", "")
		if v := Classify(f, worst); v.State != token.Stale && (status < 400 || status >= 500 || status == 408 || status == 429) {
			t.Errorf("HTTP %d with invalid_grant: %+v", status, v)
		}
	}
	for _, r := range []tms.Reach{tms.NotSent, tms.Lost} {
		t.Run(fmt.Sprint(r), func(t *testing.T) {
			if v := Classify(&tms.Failure{Reach: r}, worst); v.State != token.Stale {
				t.Errorf("reach %v: %+v", r, v)
			}
		})
	}
}

// TestSessionLimitText: where the service ends its sessions, the words name that
// cause and no other.
func TestSessionLimitText(t *testing.T) {
	f := statusFailure(400, "invalid_grant", "Token is not active")
	got := Classify(f, Evidence{RefreshTokenExpired: true, SessionLimit: 38 * time.Second}).Text
	for _, want := range []string{"the service ended the session: sessions end after about 38 s", "regent instances redeem " + fault.InstancePlaceholder, "Token is not active"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.Contains(got, "off for longer") {
		t.Errorf("%q names a cause that is known not to be it", got)
	}
}

// TestClassifyNoRefreshToken: an auth token without a refresh token ends, with a next
// step. Nothing is sent in vain.
func TestClassifyNoRefreshToken(t *testing.T) {
	v := Classify(&tms.Failure{Host: "demo-host.com", Refused: true, Err: tms.ErrNoRefreshToken}, Evidence{})
	if v.State != token.RefreshExpired || v.Code != fault.RefreshExpired || !strings.Contains(v.Text, "gave no refresh token") || !strings.Contains(v.Text, "regent instances redeem") {
		t.Errorf("got %+v", v)
	}
}
