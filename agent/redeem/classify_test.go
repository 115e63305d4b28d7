package redeem_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/tms"
)

const (
	host = "demo-host.com"

	// wordsOf500 is the text that the vendor documents, and it recommends to retry.
	wordsOf500 = "An internal error occurred. Contact the system administrator for assistance."
)

// statusReply is an answer in no shape of the service's.
func statusReply(status int) tms.Failure { return tms.Failure{Reach: tms.Answered, Status: status} }

// serviceReply is an answer in the service's shape.
func serviceReply(status int, code, message string) tms.Failure {
	body, err := json.Marshal(map[string]string{"errorCode": code, "errorMessage": message})
	if err != nil {
		panic(err)
	}
	return tms.Failure{Reach: tms.Answered, Status: status, ServiceShape: true, Code: code, Message: message, AboutForm: tms.AboutForm(body, nil)}
}

// withRetryAfter adds a Retry-After.
func withRetryAfter(f tms.Failure, after time.Duration) tms.Failure {
	f.HasRetryAfter, f.RetryAfter = true, after
	return f
}

// The verdicts of the table "Meaning of a failed redemption" in agent/DESIGN.md.
var (
	tryAgain       = redeem.Verdict{Entry: redeem.Unused, Code: fault.Unavailable}
	throttled      = redeem.Verdict{Entry: redeem.Unused, Code: fault.Throttled}
	person         = redeem.Verdict{Entry: redeem.Uncertain, Code: fault.RedemptionUncertain}
	paid           = redeem.Verdict{Entry: redeem.Uncertain, Code: fault.RedemptionUncertain, UsesRetryBudget: true}
	expired        = redeem.Verdict{Entry: redeem.Refused, Code: fault.RegistrationExpired}
	exhausted      = redeem.Verdict{Entry: redeem.Refused, Code: fault.RegistrationExhausted}
	refusedVerdict = redeem.Verdict{Entry: redeem.Refused, Code: fault.RegistrationRefused}
)

func verdictAfter(v redeem.Verdict, d time.Duration) redeem.Verdict {
	v.After = d
	return v
}

func TestClassify(t *testing.T) {
	const minute = time.Minute
	tests := []struct {
		name string
		f    tms.Failure
		want redeem.Verdict
	}{
		// Nothing was sent: retry.
		{"nothing sent", tms.Failure{Reach: tms.NotSent}, tryAgain},
		{"nothing sent, whatever else it says", tms.Failure{Reach: tms.NotSent, Status: 500}, tryAgain},
		// A reply that is lost or cannot be read: uncertain.
		{"lost", tms.Failure{Reach: tms.Lost}, person},
		{"lost, whatever else it says", tms.Failure{Reach: tms.Lost, Status: 429, HasRetryAfter: true}, person},
		// 429: not consumed, honour Retry-After.
		{"429", withRetryAfter(statusReply(429), minute), verdictAfter(throttled, minute)},
		{"429 in the service's shape", withRetryAfter(serviceReply(429, "THROTTLED", "count exhausted"), minute), verdictAfter(throttled, minute)},
		{"429 without a time", statusReply(429), throttled},
		{"429 at once", withRetryAfter(statusReply(429), 0), throttled},
		{"429, an hour", withRetryAfter(statusReply(429), time.Hour), verdictAfter(throttled, time.Hour)},
		// 503 with Retry-After, if the service says it: as the documented 500, since the
		// service may have made the auth token first.
		{"503 with a time, in the service's shape", withRetryAfter(serviceReply(503, "BUSY", "busy"), minute), verdictAfter(paid, minute)},
		{"503 with a time that is now", withRetryAfter(serviceReply(503, "BUSY", "busy"), 0), paid},
		{"503 with a time, from something else", withRetryAfter(statusReply(503), minute), person},
		{"503 without a time", statusReply(503), person},
		{"503 in the service's shape without a time", serviceReply(503, "BUSY", "busy"), person},
		// The documented 500: retry, at most so often.
		{"the documented 500", serviceReply(500, "", wordsOf500), paid},
		{"the documented 500, with a code", serviceReply(500, "INTERNAL_ERROR", wordsOf500), paid},
		{"the documented 500, in other letters", serviceReply(500, "", strings.ToUpper(wordsOf500)), paid},
		{"the documented 500 with a time", withRetryAfter(serviceReply(500, "", wordsOf500), minute), verdictAfter(paid, minute)},
		{"its words without its shape", tms.Failure{Reach: tms.Answered, Status: 500, Message: wordsOf500}, person},
		{"its words with another status", serviceReply(502, "", wordsOf500), person},
		{"its words with 503", serviceReply(503, "", wordsOf500), person},
		// Any other 5xx, 408: uncertain.
		{"500, a page", statusReply(500), person},
		{"500 with other words", serviceReply(500, "INTERNAL_ERROR", "NullPointerException"), person},
		{"500 with words of a refusal", serviceReply(500, "", "The token has expired."), person},
		{"501", statusReply(501), person},
		{"502", statusReply(502), person},
		{"502 with a time", withRetryAfter(statusReply(502), minute), person},
		{"504", statusReply(504), person},
		{"504 with a time", withRetryAfter(statusReply(504), minute), person},
		{"507", statusReply(507), person},
		{"599", statusReply(599), person},
		{"a status beyond all", statusReply(999), person},
		{"408", statusReply(408), person},
		{"408 in the service's shape", serviceReply(408, "TIMEOUT", "expired"), person},
		// A 4xx in the service's shape: refused, with its cause by its words.
		{"400 expired", serviceReply(400, "REGISTRATION_TOKEN_EXPIRED", "The registration token has expired."), expired},
		{"400 expired, by its code alone", serviceReply(400, "TOKEN_EXPIRED", ""), expired},
		{"403 expired and no count left", serviceReply(403, "", "Expired; no count left."), expired},
		{"400 exhausted", serviceReply(400, "REGISTRATION_TOKEN_EXHAUSTED", "The count of the registration token is exhausted."), exhausted},
		{"400 exhausted, by its code alone", serviceReply(400, "REGISTRATION_TOKEN_EXHAUSTED", ""), exhausted},
		{"409 consumed", serviceReply(409, "", "All of it is consumed"), exhausted},
		{"403 count", serviceReply(403, "", "Count: 0"), exhausted},
		{"403 account is not count", serviceReply(403, "ACCOUNT_DISABLED", "The account is discounted."), refusedVerdict},
		{"400", serviceReply(400, "BAD", "fqdn is missing"), refusedVerdict},
		{"401", serviceReply(401, "", "Unauthorized"), refusedVerdict},
		{"403 disabled", serviceReply(403, "", "The registration token is disabled."), refusedVerdict},
		{"403", serviceReply(403, "", "Forbidden"), refusedVerdict},
		{"404", serviceReply(404, "", "No such registration token"), refusedVerdict},
		{"422", serviceReply(422, "X", ""), refusedVerdict},
		{"403 with a time", withRetryAfter(serviceReply(403, "", "Forbidden"), minute), refusedVerdict},
		// A 4xx that is not: a gateway may have spoiled the answer of one that worked.
		{"400, a page", statusReply(400), person},
		{"401, a page", statusReply(401), person},
		{"403, a page", statusReply(403), person},
		{"404, a page", statusReply(404), person},
		{"405, a page", statusReply(405), person},
		{"413, a page", statusReply(413), person},
		{"451, a page", statusReply(451), person},
		{"400, with words and no shape", tms.Failure{Reach: tms.Answered, Status: 400, Message: "expired"}, person},
		{"400 without a code", serviceReply(400, "", "Bad Request"), person},
		{"400 with a code", serviceReply(400, "E1", "Bad Request"), refusedVerdict},
		// A proxy refuses before it connects; behind that, such a status is anybody's.
		{"407, a page", statusReply(407), person},
		{"407 in the service's shape", serviceReply(407, "", "expired"), expired},
		{"511, a page", statusReply(511), person},
		// Redirects are not followed.
		{"301", statusReply(301), person},
		{"302", statusReply(302), person},
		{"303", statusReply(303), person},
		{"307 in the service's shape", serviceReply(307, "", "expired"), person},
		// What says that it worked is no proof that nothing did.
		{"200 without an auth token", statusReply(200), person},
		{"204", statusReply(204), person},
		{"202 in the service's shape", serviceReply(202, "", "later"), person},
		{"101", statusReply(101), person},
	}
	if len(tests) < 40 {
		t.Errorf("%d responses, want at least 40", len(tests))
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.f.Host = host
			got := redeem.Classify(&tt.f)
			if diff := cmp.Diff(got, tt.want, cmpopts.IgnoreFields(redeem.Verdict{}, "Text")); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
			checkVerdictText(t, got, tt.f)
		})
	}
}

// checkVerdictText holds a verdict to naming the host, the next step, and the
// service's own words.
func checkVerdictText(t *testing.T, v redeem.Verdict, f tms.Failure) {
	t.Helper()
	if !strings.Contains(v.Text, f.Host) {
		t.Errorf("%q does not name the host", v.Text)
	}
	next := map[redeem.Kind]string{redeem.Unused: "Regent retries", redeem.Uncertain: "a count may have been used", redeem.Refused: fault.Commands(v.Code.Advice())}[v.Entry]
	if f.FormRefused() {
		next = "Set contract.request to the other form"
	}
	if strings.Contains(f.Message, "disabled") { // the right token, so comparing it is no use
		next = "enable it"
	}
	if next == "" || !strings.Contains(v.Text, next) {
		t.Errorf("%q does not have the next step %q", v.Text, next)
	}
	if v.Entry != redeem.Unused && (!strings.Contains(v.Text, f.Message) || !strings.Contains(v.Text, f.Code)) {
		t.Errorf("%q does not have the service's words %q and code %q", v.Text, f.Message, f.Code)
	}
}

// TestRefusalKeepsCodeAndText: the ledger, the status and the doctor show both as the
// service wrote them.
func TestRefusalKeepsCodeAndText(t *testing.T) {
	f := serviceReply(400, "TMS-0815-DUP", "something is a duplicate")
	f.Host = host
	if got, want := redeem.Classify(&f).Text, `(demo-host.com said: TMS-0815-DUP "something is a duplicate")`; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want it to end in %s", got, want)
	}
}
