package agent

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/refresh"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// action is what follows from an answer, in one word each.
type action struct{ redeem, refresh string }

// What follows from an answer to a redemption: what the ledger says, what the
// caller is told, and whether another POST may follow by itself.
const (
	bought    = "bought"
	unsent    = "unused unavailable, again"
	pause     = "unused throttled, again"
	person    = "uncertain redemption_uncertain"
	paid      = "uncertain redemption_uncertain, again"
	refused   = "refused registration_refused"
	expired   = "refused registration_expired"
	exhausted = "refused registration_exhausted"
)

// What follows from an answer to a refresh, of an auth token that was refused
// twice before, half an hour ago and more.
const (
	renewed = "renewed"
	later   = "later unavailable"
	doubt   = "later unavailable, in doubt"
	slower  = "later throttled"
	again   = "later unavailable, counted"
	revoked = "given up revoked"
)

const (
	grantBody  = `{"authToken":{"id":"a-1","access_token":"eyJ.e30.c2ln","refresh_token":"r-2","expires_in":300}}`
	portalBody = `<html><body>Please log in to the network</body></html>`
	said500    = `{"errorCode":"INTERNAL_ERROR","message":"An internal error occurred. Contact the system administrator for assistance."}`
	saidOther  = `{"errorCode":"X","message":"Something else."}`
	noGrant    = `{"error":"invalid_grant","error_description":"Token is not active"}`
	asJSON     = "application/json"
	asHTML     = "text/html"
)

// responses are what may come back: status, body, content type, skew of the
// server's clock, and how the peer behaves on the way.
var responses = []struct {
	name   string
	status int
	body   string
	typ    string
	header http.Header
	skew   time.Duration
	peer   string // "" is a TLS peer that is trusted
	want   action
}{
	{"201, wrapped", 201, grantBody, asJSON, nil, 0, "", action{bought, renewed}},
	{"200, bare", 200, `{"accessToken":"eyJ.e30.c2ln","refreshToken":"r-2","expiresIn":300}`, asJSON, nil, 0, "", action{bought, renewed}},
	{"200, called text", 200, grantBody, "text/plain", nil, 0, "", action{bought, renewed}},
	{"200, a lifetime in words", 200, `{"access_token":"a","expires_in":"soon"}`, asJSON, nil, 0, "", action{bought, renewed}},
	{"200, a lifetime of 0", 200, `{"access_token":"a","expires_in":0}`, asJSON, nil, 0, "", action{bought, renewed}},
	{"200, no access token", 200, `{"authToken":{"id":"a-1"}}`, asJSON, nil, 0, "", action{person, doubt}},
	{"200, a portal", 200, portalBody, asHTML, nil, 0, "", action{person, doubt}},
	{"200, a portal that calls itself JSON", 200, portalBody, asJSON, nil, 0, "", action{person, doubt}},
	{"200, empty", 200, "", asJSON, nil, 0, "", action{person, doubt}},
	{"200, half", 200, grantBody[:40], asJSON, nil, 0, "", action{person, doubt}},
	{"204", 204, "", "", nil, 0, "", action{person, doubt}},
	{"302 to a portal", 302, portalBody, asHTML, http.Header{"Location": {"http://portal.example/"}}, 0, "", action{person, later}},
	{"307, which would repeat a POST", 307, "", "", http.Header{"Location": {"/elsewhere"}}, 0, "", action{person, later}},
	{"308", 308, "", "", http.Header{"Location": {"/elsewhere"}}, 0, "", action{person, later}},
	{"304", 304, "", "", nil, 0, "", action{person, later}},
	{"400 in the service's shape", 400, saidOther, asJSON, nil, 0, "", action{refused, revoked}},
	{"400 in its shape, clock 20 minutes behind", 400, saidOther, asJSON, nil, 20 * time.Minute, "", action{refused, again}},
	{"400 in its shape, clock 20 minutes ahead", 400, saidOther, asJSON, nil, -20 * time.Minute, "", action{refused, again}},
	{"400 in its shape, clock 14 minutes behind", 400, saidOther, asJSON, nil, 14 * time.Minute, "", action{refused, revoked}},
	{"400 in its shape, called HTML", 400, saidOther, asHTML, nil, 0, "", action{refused, revoked}},
	{"400, expired", 400, `{"errorCode":"E","message":"The registration token has expired."}`, asJSON, nil, 0, "", action{expired, revoked}},
	{"403, used up", 403, `{"message":"The count is consumed."}`, asJSON, nil, 0, "", action{exhausted, revoked}},
	{"400 invalid_grant", 400, noGrant, asJSON, nil, 0, "", action{refused, revoked}},
	{"400 invalid_grant, clock years off", 400, noGrant, asJSON, nil, 20 * 365 * 24 * time.Hour, "", action{refused, revoked}},
	{"400, a portal", 400, portalBody, asHTML, nil, 0, "", action{person, later}},
	{"400, empty", 400, "", "", nil, 0, "", action{person, later}},
	{"401 in the service's shape", 401, `{"error":"unauthorized"}`, asJSON, nil, 0, "", action{refused, revoked}},
	{"401, a portal", 401, portalBody, asHTML, nil, 0, "", action{person, later}},
	{"403, a proxy", 403, portalBody, asHTML, nil, 0, "", action{person, later}},
	{"404 in the service's shape", 404, `{"message":"no such thing"}`, asJSON, nil, 0, "", action{refused, revoked}},
	{"404, a web server", 404, "404 page not found", "text/plain", nil, 0, "", action{person, later}},
	{"404, JSON of another shape", 404, `{"status":404}`, asJSON, nil, 0, "", action{person, later}},
	{"404, a list", 404, `["message"]`, asJSON, nil, 0, "", action{person, later}},
	{"405", 405, "", "", nil, 0, "", action{person, later}},
	{"407, a proxy", 407, portalBody, asHTML, nil, 0, "", action{person, later}},
	{"408", 408, "", "", nil, 0, "", action{person, doubt}},
	{"409 in the service's shape", 409, `{"errorCode":"DUPLICATE","message":"identifier redeemed before"}`, asJSON, nil, 0, "", action{refused, revoked}},
	{"429 with seconds", 429, "", "", http.Header{"Retry-After": {"60"}}, 0, "", action{pause, slower}},
	{"429 with a date", 429, "", "", http.Header{"Retry-After": {"Mon, 23 Nov 2099 08:00:00 GMT"}}, 0, "", action{pause, slower}},
	{"429 without a time", 429, portalBody, asHTML, nil, 0, "", action{pause, slower}},
	{"500, the documented one", 500, said500, asJSON, nil, 0, "", action{paid, doubt}},
	{"500, the documented one, called HTML", 500, said500, asHTML, nil, 0, "", action{paid, doubt}},
	{"500, another", 500, saidOther, asJSON, nil, 0, "", action{person, doubt}},
	{"500, a proxy", 500, portalBody, asHTML, nil, 0, "", action{person, doubt}},
	{"501", 501, "", "", nil, 0, "", action{person, doubt}},
	{"502", 502, portalBody, asHTML, nil, 0, "", action{person, doubt}},
	{"503 without a time", 503, portalBody, asHTML, nil, 0, "", action{person, doubt}},
	{"503 with a time", 503, `{"message":"busy"}`, asJSON, http.Header{"Retry-After": {"5"}}, 0, "", action{paid, doubt}},
	{"503 with a time, a proxy", 503, portalBody, asHTML, http.Header{"Retry-After": {"5"}}, 0, "", action{person, doubt}},
	{"503 with a time, empty", 503, "", "", http.Header{"Retry-After": {"5"}}, 0, "", action{person, doubt}},
	{"504", 504, portalBody, asHTML, nil, 0, "", action{person, doubt}},
	{"511, a portal", 511, portalBody, asHTML, nil, 0, "", action{person, doubt}},
	{"a peer of an unknown authority", 201, grantBody, asJSON, nil, 0, "unknown", action{unsent, later}},
	{"a peer of another name", 201, grantBody, asJSON, nil, 0, "other name", action{unsent, later}},
	{"a peer without TLS", 201, grantBody, asJSON, nil, 0, "plain", action{unsent, later}},
	{"a peer that wants TLS 1.1", 201, grantBody, asJSON, nil, 0, "old", action{unsent, later}},
	{"a peer that hangs up at the handshake", 201, grantBody, asJSON, nil, 0, "hangs up", action{unsent, later}},
	{"nobody listens", 201, grantBody, asJSON, nil, 0, "nobody", action{unsent, later}},
	{"a peer that hangs up after the request", 0, "", "", nil, 0, "drops", action{person, doubt}},
	{"a peer that ends in the middle of the body", 201, grantBody, asJSON, http.Header{"Content-Length": {"1000"}}, 0, "", action{bought, renewed}},
}

// TestResponses makes a redemption and a refresh meet each response, by the real
// client, and says what follows.
func TestResponses(t *testing.T) {
	if len(responses) < 40 {
		t.Fatalf("only %d responses", len(responses))
	}
	told := newTable("answer", "a redemption is", "a refresh is")
	defer func() { t.Logf("%d answers\n%s", len(responses), told) }()
	for _, tt := range responses {
		t.Run(tt.name, func(t *testing.T) {
			told.row(tt.name, tt.want.redeem, tt.want.refresh)
			requests := 0
			handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				if tt.status == 0 {
					panic(http.ErrAbortHandler)
				}
				maps.Copy(w.Header(), tt.header)
				w.Header().Set("Date", time.Now().Add(tt.skew).UTC().Format(http.TimeFormat))
				if tt.typ != "" {
					w.Header().Set("Content-Type", tt.typ)
				}
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body))
			})
			var skew time.Duration
			c := clientOf(t, tt.peer, handler, func(date time.Time) { skew = time.Until(date) })
			_, err := c.Redeem(t.Context(), token.NewSecret("registration"), tms.Request{Identifier: "regent-1"})
			if got := redeemAction(err); got != tt.want.redeem {
				t.Errorf("redeem: got %q, want %q (%v)", got, tt.want.redeem, err)
			}
			if requests > 1 {
				t.Errorf("one redemption made %d requests", requests)
			}
			requests = 0
			_, err = c.Refresh(t.Context(), tms.RefreshRequest{Mode: tms.ModeTMS, AuthTokenID: "a-1", Refresh: token.NewSecret("r-1")})
			if got := refreshAction(err, skew); got != tt.want.refresh {
				t.Errorf("refresh: got %q, want %q (%v)", got, tt.want.refresh, err)
			}
			if requests > 1 {
				t.Errorf("one refresh made %d requests", requests)
			}
		})
	}
}

// clientOf returns a client of a peer that behaves as the word says.
func clientOf(t *testing.T, peer string, h http.Handler, observe func(time.Time)) *tms.Client {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	if peer == "old" {
		server.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	}
	if peer == "plain" {
		server.Start()
	} else {
		server.StartTLS()
	}
	t.Cleanup(server.Close)
	o := tms.Options{
		Tenant: "https://" + server.Listener.Addr().String(), Proxy: "none", Timeout: time.Minute,
		Now: time.Now, Observe: observe,
	}
	if cert := server.Certificate(); cert != nil && peer != "unknown" {
		o.ExtraCA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	}
	switch peer {
	case "other name":
		o.Tenant = "https://127.0.0.2"
		o.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}
	case "hangs up":
		o.Dial = func(context.Context, string, string) (net.Conn, error) {
			ours, theirs := net.Pipe()
			return ours, theirs.Close()
		}
	case "nobody":
		o.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errDown }
	}
	c, err := tms.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func redeemAction(err error) string {
	f, failed := errors.AsType[*tms.Failure](err)
	if !failed {
		return bought
	}
	v := redeem.Classify(f)
	text := fmt.Sprintf("%s %s", v.Entry, v.Code)
	if v.Entry == redeem.Unused || v.UsesRetryBudget {
		text += ", again"
	}
	return text
}

func refreshAction(err error, skew time.Duration) string {
	f, failed := errors.AsType[*tms.Failure](err)
	if !failed {
		return renewed
	}
	v := refresh.Classify(f, refresh.Evidence{
		Refusals: tokenstore.Refusals{Count: 2}, SinceFirst: time.Hour, SaneClock: skew.Abs() < 15*time.Minute,
	})
	switch {
	case v.State == token.Revoked:
		return "given up " + string(v.Code)
	case v.AnswerMissing:
		return fmt.Sprintf("later %s, in doubt", v.Code)
	case v.Refusal:
		return fmt.Sprintf("later %s, counted", v.Code)
	case v.Code == fault.Throttled:
		return slower
	}
	return "later " + string(v.Code)
}
