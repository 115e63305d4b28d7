package tms_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/contract"
)

func wantReach(t *testing.T, err error, want tms.Reach) *tms.Failure {
	t.Helper()
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok {
		t.Fatalf("error %v, want a *Failure", err)
	}
	if f.Reach != want {
		t.Errorf("reach %d, want %d: %v", f.Reach, want, f)
	}
	return f
}

func redeem(t *testing.T, o tms.Options) error {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Proxy == "" {
		o.Proxy = "none"
	}
	c, err := tms.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Redeem(t.Context(), registration, device)
	return err
}

func TestNotSent(t *testing.T) {
	silent := httptest.NewTLSServer(http.NotFoundHandler())
	silent.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	defer silent.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer refusing.Close()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	old.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	old.StartTLS()
	defer old.Close()
	tests := []struct {
		name string
		o    tms.Options
		want string // in the message
	}{
		{"old TLS", tms.Options{Tenant: old.URL}, "protocol version"},
		{"nobody listens", tms.Options{Tenant: closedPort(t)}, "refused"},
		{"no such host", tms.Options{Tenant: "https://tenant.invalid"}, "tenant.invalid"},
		{"unknown authority", tms.Options{Tenant: silent.URL}, "certificate"},
		{"the proxy refuses", tms.Options{Tenant: silent.URL, Proxy: refusing.URL}, "the proxy " + strings.TrimPrefix(refusing.URL, "http://") + " answered 407"},
		{"nobody is the proxy", tms.Options{Tenant: silent.URL, Proxy: closedPort(t)}, "no connection to the proxy 127.0.0.1:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := wantReach(t, redeem(t, tt.o), tms.NotSent)
			if !strings.Contains(f.Error(), tt.want) || !strings.Contains(f.Error(), f.Host) {
				t.Errorf("got %q, want it to say %q and %q", f, tt.want, f.Host)
			}
		})
	}
}

// TestNoHandshake: regentd sends nothing to a peer without TLS.
func TestNoHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := wantReach(t, redeem(t, tms.Options{Tenant: "https://127.0.0.1", Timeout: time.Second, Dial: tms.SilentPeer}), tms.NotSent)
		if !strings.Contains(f.Error(), "1s") || !strings.Contains(f.Error(), f.Host) {
			t.Errorf("got %q, want it to name the timeout and %q", f, f.Host)
		}
	})
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestNotSentKeepsItsCause(t *testing.T) {
	s := httptest.NewTLSServer(http.NotFoundHandler())
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	defer s.Close()
	err := redeem(t, tms.Options{Tenant: s.URL})
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("got %v, want the authority error inside", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = clientFor(t, tms.Options{Tenant: s.URL}).Redeem(ctx, registration, device)
	wantReach(t, err, tms.NotSent)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled inside", err)
	}
}

func TestRefusedHere(t *testing.T) {
	c := clientFor(t, tms.Options{Tenant: closedPort(t)})
	nameless := device
	nameless.Identifier = ""
	_, err := c.Redeem(t.Context(), registration, nameless)
	wantRefused(t, err, "identifier")

	r := refreshAt(tms.ModeOIDC, "http://tokens.example.com")
	_, err = c.Refresh(t.Context(), r)
	wantRefused(t, err, "tokens.example.com must be https")

	r.AuthTokenID, r.Mode = "", tms.ModeTMS
	_, err = c.Refresh(t.Context(), r)
	wantRefused(t, err, "id")

	// Without the registration token nothing is sent, and the next step is named.
	_, err = c.Refresh(t.Context(), refreshAt(tms.ModeTMSRegistration, c.Host()))
	wantRefused(t, err, "keep_registration_token: true")

	_, err = c.Refresh(t.Context(), refreshAt("saml", c.Host()))
	wantRefused(t, err, `"saml" is none of oidc, tms, tms_registration`)
}

func wantRefused(t *testing.T, err error, want string) {
	t.Helper()
	if f := wantReach(t, err, tms.NotSent); !strings.Contains(f.Error(), "refused here") || !strings.Contains(f.Error(), want) {
		t.Errorf("got %q, want %q", f, want)
	}
}

func TestLostAndAnswered(t *testing.T) {
	long := strings.Repeat("x", 4<<20)
	tests := []struct {
		name   string
		status int
		body   string
		want   tms.Reach
		shape  bool
	}{
		{"201 of a captive portal", 201, "<html>log in</html>", tms.Lost, false},
		{"200 without a token", 200, `{"authToken":{"id":"1","expires_in":300}}`, tms.Lost, false},
		{"201 without end", 201, `{"access_token":"` + long + `"}`, tms.Lost, false},
		{"204", 204, "", tms.Lost, false},
		{"404 without end", 404, long + long, tms.Lost, false},
		{"404 of somebody else", 404, "<html>", tms.Answered, false},
		{"403 of the service", 403, `{"message":"no"}`, tms.Answered, true},
		{"403 of a list", 403, `[{"message":"no"}]`, tms.Answered, false},
		{"403 of another shape", 403, `{"message":{"text":"no"}}`, tms.Answered, false},
		{"502 of a proxy", 502, "bad gateway", tms.Answered, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			defer s.Close()
			f := wantReach(t, redeem(t, tms.Options{Tenant: s.URL}), tt.want)
			if f.ServiceShape != tt.shape {
				t.Errorf("service shape %t, want %t", f.ServiceShape, tt.shape)
			}
			wantStatus := 0
			if tt.want == tms.Answered || tt.status/100 == 2 { // an answer came
				wantStatus = tt.status
			}
			if f.Status != wantStatus {
				t.Errorf("status %d, want %d", f.Status, wantStatus)
			}
		})
	}
}

// TestDiscoverRejectsForeignEndpoint: whoever answers in the service's place cannot
// have refresh tokens sent in clear text.
func TestDiscoverRejectsForeignEndpoint(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `[{"tokenEndpoint":"http://tokens.example.com/auth/","realm":"ems"}]`)
	}))
	defer s.Close()
	got, err := clientFor(t, tms.Options{Tenant: s.URL}).Discover(t.Context())
	f := wantReach(t, err, tms.Lost)
	if !strings.Contains(f.Error(), "tokens.example.com must be https") || got != (tms.Provider{}) {
		t.Errorf("got %+v, %v", got, f)
	}
}

func TestLateIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := redeem(t, tms.Options{Tenant: "http://127.0.0.1", Timeout: time.Second, Dial: tms.SilentPeer})
		f := wantReach(t, err, tms.Lost)
		if !errors.Is(f, context.DeadlineExceeded) || !strings.Contains(f.Error(), "1s") {
			t.Errorf("got %v, want it to name the timeout", f)
		}
	})
}

func TestRedirectIsAnswered(t *testing.T) {
	for _, location := range []string{"https://login.example.com/", "http://[::bad", ""} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		}))
		f := wantReach(t, redeem(t, tms.Options{Tenant: s.URL}), tms.Answered)
		if f.Status != 302 || f.ServiceShape {
			t.Errorf("to %q: got %+v, want a 302 not in the service's shape", location, f)
		}
		s.Close()
	}
}

func TestObserveSeesEveryDate(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", at.Format(http.TimeFormat))
		w.WriteHeader(http.StatusForbidden)
	}))
	defer s.Close()
	var got []time.Time
	_ = redeem(t, tms.Options{Tenant: s.URL, Observe: func(d time.Time) { got = append(got, d) }})
	if len(got) != 1 || !got[0].Equal(at) {
		t.Errorf("observed %v, want once %v", got, at)
	}
}

// TestEchoedSecrets: the service, or somebody in its place, sends back all that
// it was sent, in each place that we keep or print.
func TestEchoedSecrets(t *testing.T) {
	refresh := refreshAt("", "").Refresh
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		echo := r.Header.Get("Authorization") + " " + string(body)
		w.Header().Set("Location", "http://[::"+echo)
		w.Header().Set("Retry-After", echo)
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":`+quoted(echo)+`,"message":`+quoted(strings.Repeat("x", 250)+echo)+`}`)
	}))
	defer s.Close()
	raw := serveRaw(t, func(r *http.Request) string { return r.Header.Get("Authorization") + "\r\n\r\n" })

	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var said strings.Builder
	for _, tenant := range []string{s.URL, raw.url()} {
		for _, tt := range []struct{ mode, authorization string }{
			{tms.ModeOIDC, contract.Basic},
			{tms.ModeTMS, contract.Basic},
			{tms.ModeTMSRegistration, contract.BasicEncoded},
			{tms.ModeTMSRegistration, contract.Bearer},
		} {
			c := clientFor(t, tms.Options{Tenant: tenant, Log: logger, Forms: tms.Forms{Authorization: tt.authorization}})
			_, redeemErr := c.Redeem(t.Context(), registration, device)
			r := refreshAt(tt.mode, tenant)
			r.Registration = registration
			_, refreshErr := c.Refresh(t.Context(), r)
			for _, err := range []error{redeemErr, refreshErr} {
				f, _ := errors.AsType[*tms.Failure](err)
				said.WriteString(f.Error() + f.Code + f.Message + f.Err.Error() + "\n")
			}
		}
	}
	all := said.String() + log.String()
	if log.Len() == 0 || !strings.Contains(all, "[redacted]") {
		t.Errorf("nothing was echoed, so nothing is tested:\n%s", all)
	}
	for _, secret := range []string{registration.Reveal(), refresh.Reveal()} {
		for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
			if strings.Contains(all, form) {
				t.Errorf("%q leaked:\n%s", form, all)
			}
		}
	}
}

func quoted(s string) string { return `"` + strings.ReplaceAll(s, `"`, `\"`) + `"` }
