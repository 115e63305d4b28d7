package refresh

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"regent/agent/fault"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
	"regent/agent/token"
	"regent/agent/tokenstore"
)

// TestNextMode is the whole rule by which a mode is chosen.
func TestNextMode(t *testing.T) {
	const auto, oidc, patch, registration = ModeAuto, tms.ModeOIDC, tms.ModeTMS, tms.ModeTMSRegistration
	for _, tt := range []struct {
		name   string
		k      ModeInput
		tries  []string // each refuses
		proven bool
	}{
		{"nothing is known", ModeInput{Configured: auto}, []string{oidc, patch}, false},
		{"an auth token without an id", ModeInput{Configured: auto, NoTokenID: true}, []string{oidc}, false},
		{"Keycloak has worked", ModeInput{Configured: auto, Working: oidc}, []string{oidc}, true},
		{"the service has worked", ModeInput{Configured: auto, Working: patch}, []string{patch}, true},
		{"the service has worked, and this one has no id", ModeInput{Configured: auto, Working: patch, NoTokenID: true}, []string{patch}, true},
		{"the registration token has worked, which auto never tries", ModeInput{Configured: auto, Working: registration}, []string{oidc, patch}, false},
		{"an earlier version has refreshed, and nobody knows how", ModeInput{Configured: auto, RefreshedBefore: true}, []string{oidc, patch}, false},
		{"chosen", ModeInput{Configured: patch}, []string{patch}, false},
		{"chosen, and has worked", ModeInput{Configured: patch, Working: patch}, []string{patch}, true},
		{"chosen, and another one has worked", ModeInput{Configured: patch, Working: oidc}, []string{patch}, false},
		{"chosen in an earlier version", ModeInput{Configured: oidc, RefreshedBefore: true}, []string{oidc}, true},
		{"chosen after that version, where another one has worked", ModeInput{Configured: oidc, Working: patch, RefreshedBefore: true}, []string{oidc}, false},
		{"the registration token, chosen", ModeInput{Configured: registration, Working: registration}, []string{registration}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.k.Proven(); got != tt.proven {
				t.Errorf("Proven = %t", got)
			}
			var tries []string
			for mode := tt.k.Next(); mode != ""; mode = tt.k.Next() {
				tries = append(tries, mode)
				tt.k.Refused = append(tt.k.Refused, Refusal{mode, invalidGrantFailure()})
			}
			if !slices.Equal(tries, tt.tries) {
				t.Errorf("tries %q, want %q", tries, tt.tries)
			}
		})
	}
}

func TestIsRefusal(t *testing.T) {
	for _, tt := range []struct {
		f             *tms.Failure
		refuses, ours bool
	}{
		{invalidGrantFailure(), true, true},
		{statusFailure(401, "invalid_client", ""), true, true},
		{statusFailure(400, "unauthorized_client", "no"), true, true},
		{statusFailure(404, "NOT_FOUND", "no"), true, true},
		{statusFailure(404, "", ""), true, true}, // a path that the service does not know
		{statusFailure(405, "", ""), true, true},
		{statusFailure(401, "", ""), false, false}, // or a captive portal's
		{statusFailure(403, "", ""), false, false},
		{statusFailure(407, "", ""), false, false},
		{statusFailure(408, "", ""), false, false},
		{statusFailure(429, "x", "slow down"), false, true},
		{statusFailure(302, "", ""), false, false},
		{statusFailure(500, "x", "An internal error occurred."), false, true},
		{statusFailure(503, "", ""), false, false},
		{lostFailure(), false, false},
		{offlineFailure(), false, false},
		{&tms.Failure{Refused: true}, false, false},
	} {
		if got := isRefusal(tt.f); got != tt.refuses {
			t.Errorf("refuses(%v) = %t", tt.f, got)
		}
		if got := fromService(Refusal{"", tt.f}); got != tt.ours {
			t.Errorf("ofService(%v) = %t", tt.f, got)
		}
	}
}

// modeService answers each mode by its own script, the last step for ever after.
type modeService struct {
	oidc, patch *service
	tried       []string
}

func (m *modeService) of(mode string) *service {
	m.tried = append(m.tried, mode)
	if mode == tms.ModeOIDC {
		return m.oidc
	}
	return m.patch
}

// modeStory is what becomes of one auth token whose refresh.mode is not proven.
type modeStory struct {
	name        string
	mode        string // "" is auto
	taught      string
	generation  uint64 // of another auth token of the tenant; 0 is none
	oidc, patch []func(tms.RefreshRequest) (tms.AuthToken, error)
	want        token.State
	learned     string
	code        fault.Kind
	tried       string // the first tries, oidc and tms
}

func steps(s ...func(tms.RefreshRequest) (tms.AuthToken, error)) []func(tms.RefreshRequest) (tms.AuthToken, error) {
	return s
}

// TestModes: no refusal ends an auth token before a mode has worked once at its
// tenant, and once one has, it is kept to.
func TestModes(t *testing.T) {
	no := answerFailure(invalidGrantFailure())
	gone := answerFailure(statusFailure(404, "", ""))
	client := answerFailure(statusFailure(401, "invalid_client", "Invalid client"))
	unknown := answerFailure(statusFailure(400, "unauthorized_client", "Client not allowed"))
	for _, tt := range []modeStory{
		{name: "Keycloak works", oidc: steps(answerRotated), patch: steps(no), want: token.Live, learned: "oidc", tried: "oidc oidc"},
		{name: "only the service works, after invalid_grant", oidc: steps(no), patch: steps(answerRotated), want: token.Live, learned: "tms", tried: "oidc tms tms"},
		{name: "only the service works, after invalid_client", oidc: steps(client), patch: steps(answerRotated), want: token.Live, learned: "tms", tried: "oidc tms tms"},
		{name: "only the service works, after unauthorized_client", oidc: steps(unknown), patch: steps(answerRotated), want: token.Live, learned: "tms", tried: "oidc tms tms"},
		{name: "only the service works, after a 404", oidc: steps(gone), patch: steps(answerRotated), want: token.Live, learned: "tms", tried: "oidc tms tms"},
		{name: "neither works", oidc: steps(no), patch: steps(client), want: token.Expired, code: fault.RefreshUncertain, tried: "oidc tms oidc tms"},
		{name: "the first answer is lost, and then neither works", oidc: steps(answerFailure(lostFailure()), no), patch: steps(no), want: token.Expired, code: fault.RefreshUncertain, tried: "oidc oidc tms oidc tms"},
		{name: "neither is known", oidc: steps(gone), patch: steps(gone), want: token.Expired, code: fault.RefreshUncertain, tried: "oidc tms oidc tms"},
		{name: "neither works, and then Keycloak", oidc: steps(no, no, answerRotated), patch: steps(no), want: token.Live, learned: "oidc", tried: "oidc tms oidc tms oidc"},
		{name: "a portal", oidc: steps(answerFailure(statusFailure(401, "", ""))), patch: steps(answerFailure(statusFailure(403, "", ""))), want: token.Expired, code: fault.Unavailable, tried: "oidc oidc oidc"},
		{name: "offline decides nothing", oidc: steps(answerFailure(offlineFailure()), answerFailure(lostFailure()), answerFailure(statusFailure(503, "", "")), answerFailure(withRetryAfter(statusFailure(429, "", ""), time.Second)), answerRotated), patch: steps(answerRotated), want: token.Live, learned: "oidc", tried: "oidc oidc oidc oidc oidc"},
		{name: "the second mode is undecided, and is gone on with", oidc: steps(no), patch: steps(answerFailure(offlineFailure()), answerFailure(statusFailure(503, "", "")), answerRotated), want: token.Live, learned: "tms", tried: "oidc tms tms tms tms"},
		{name: "the refusal that Keycloak proved", taught: "oidc", oidc: steps(no), patch: steps(answerRotated), want: token.Revoked, learned: "oidc", tried: "oidc", code: fault.Revoked},
		{name: "one refusal leaves no proven mode", taught: "tms", oidc: steps(answerRotated), patch: steps(client, answerRotated), want: token.Live, learned: "tms", tried: "tms tms tms"},
		{name: "chosen, and refuses", mode: "oidc", oidc: steps(no), patch: steps(answerRotated), want: token.Expired, code: fault.RefreshUncertain, tried: "oidc oidc"},
		{name: "chosen, and works", mode: "tms", oidc: steps(no), patch: steps(answerRotated, no), want: token.Revoked, learned: "tms", tried: "tms tms", code: fault.Revoked},
		{name: "chosen, where another one has worked", mode: "tms", taught: "oidc", oidc: steps(answerRotated), patch: steps(no), want: token.Expired, learned: "oidc", code: fault.RefreshUncertain, tried: "tms tms"},
		{name: "chosen in an earlier version", mode: "oidc", generation: 7, oidc: steps(no), patch: steps(answerRotated), want: token.Revoked, tried: "oidc", code: fault.Revoked},
		{name: "an earlier version refreshed at the service", generation: 7, oidc: steps(no), patch: steps(answerRotated), want: token.Live, learned: "tms", tried: "oidc tms tms"},
		{name: "an earlier version refreshed, and now both refuse", generation: 7, oidc: steps(no), patch: steps(client), want: token.Revoked, code: fault.Revoked, tried: "oidc tms oidc tms oidc tms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.play(t) })
		})
	}
}

func (tt modeStory) play(t *testing.T) {
	b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, woke: make(chan struct{}), mode: tt.mode}
	if b.mode == "" {
		b.mode = ModeAuto
	}
	m := &modeService{&service{script: tt.oidc}, &service{script: tt.patch}, nil}
	b.service = &service{script: steps(func(r tms.RefreshRequest) (tms.AuthToken, error) { return m.of(r.Mode).Refresh(t.Context(), r) })}
	b.addToken(t, tokenstore.Record{ID: one, AuthTokenID: "at-1"})
	if tt.generation > 0 {
		b.addEndedToken(t, tt.generation)
	}
	if tt.taught != "" {
		if err := openCapabilities(t, b.store, b.mode).Update(t.Context(), one.Tenant, func(l *tms.Capabilities) { l.NoteRefresh(tt.taught, time.Now()) }); err != nil {
			t.Fatal(err)
		}
	}
	b.run(t)
	defer b.stop()
	time.Sleep(3*time.Hour + 7*time.Minute)
	synctest.Wait()
	r := b.record(t)
	f, _ := b.LastFault(one)
	switch {
	case r.State != tt.want:
		t.Errorf("state %s, want %s; changes %q", r.State, tt.want, b.changes)
	case r.Refresh.IsZero() || r.Access.IsZero():
		t.Error("a token was thrown away")
	case (f == nil) != (tt.code == "") || f != nil && f.Kind != tt.code:
		t.Errorf("the last fault is %v, want %q", f, tt.code)
	case f != nil && tt.code == fault.RefreshUncertain && !strings.Contains(f.Text(), "regent doctor --contract"):
		t.Errorf("no next step in %q", f.Text())
	}
	if got := b.Capabilities.Get(one.Tenant).Refresh.Mode; got != tt.learned {
		t.Errorf("learned %q, want %q", got, tt.learned)
	}
	if got := strings.Join(m.tried, " "); !strings.HasPrefix(got+" ", tt.tried+" ") {
		t.Errorf("tried %q, want it to begin with %q", got, tt.tried)
	}
	if tt.code == fault.RefreshUncertain && len(m.tried) > 60 {
		t.Errorf("%d requests in three hours: that is hammering", len(m.tried))
	}
}

// addEndedToken keeps another auth token of the tenant, which was refreshed often and then
// given up.
func (b *harness) addEndedToken(t *testing.T, generation uint64) {
	t.Helper()
	v, err := tokenstore.Open(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	other := one
	other.Number = 2
	if err := v.Create(t.Context(), tokenstore.Record{ID: other, State: token.Revoked, Generation: generation, Intent: "intent-2"}); err != nil {
		t.Fatal(err)
	}
}

// TestRetryAfterUncertain: a person who has chosen another mode need not wait for
// the pause to end.
func TestRetryAfterUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, woke: make(chan struct{}), mode: ModeAuto}
		b.service = &service{script: steps(answerFailure(invalidGrantFailure()))}
		b.addToken(t, tokenstore.Record{ID: one, AuthTokenID: "at-1"})
		b.run(t)
		defer b.stop()
		time.Sleep(3 * time.Hour)
		if left := b.Pauses.Left(one); left == 0 {
			t.Fatal("no pause runs")
		}
		sent := b.service.count()
		b.Retry()
		synctest.Wait()
		if got := b.service.count() - sent; got != 2 {
			t.Errorf("%d requests at once, want one in each mode", got)
		}
	})
}

// TestUnprovenLifetimePassed: whatever lifetime the redemption named, no refusal ends an
// auth token before a mode has worked once, neither the first one of its instance nor the
// next. When a mode begins to work, it is found.
func TestUnprovenLifetimePassed(t *testing.T) {
	refusals := map[string]func(tms.RefreshRequest) (tms.AuthToken, error){
		"invalid_grant":       answerFailure(invalidGrantFailure()),
		"unauthorized_client": answerFailure(statusFailure(400, "unauthorized_client", "Client not allowed")),
		"404":                 answerFailure(statusFailure(404, "", "")),
		"407 of a proxy":      answerFailure(statusFailure(407, "invalid_grant", "Log in to the proxy")),
		"425":                 answerFailure(statusFailure(425, "TOO_EARLY", "later")),
	}
	for name, no := range refusals {
		for _, life := range []time.Duration{time.Second, 40 * time.Minute, 2 * time.Hour, 90 * time.Hour} {
			for generation := range uint64(2) {
				synctest.Test(t, func(t *testing.T) {
					b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, woke: make(chan struct{}), mode: ModeAuto}
					b.service = &service{script: steps(no)}
					b.addToken(t, tokenstore.Record{
						ID: one, AuthTokenID: "at-1", RefreshLife: tokenstore.NewLifetime(b.clock, life),
						RefreshIssuedAt: b.clock.Wall(), RedeemedAt: b.clock.Wall(),
					})
					b.setGeneration(t, generation+1)
					b.run(t)
					defer b.stop()
					time.Sleep(5 * time.Hour)
					synctest.Wait()
					f, _ := b.LastFault(one)
					want := fault.RefreshUncertain
					if name == "407 of a proxy" || name == "425" {
						want = fault.Unavailable
					}
					if got := b.record(t); !got.State.Refreshable() || f == nil || f.Kind != want {
						t.Errorf("%s, life %s, redemption %d: %s (%v), want it kept and %s", name, life, generation+1, got.State, f, want)
					}
					b.service.answer(answerRotated)
					time.Sleep(time.Hour)
					synctest.Wait()
					if got := b.record(t).State; got != token.Live {
						t.Errorf("%s, life %s: %s after a mode began to work", name, life, got)
					}
				})
			}
		}
	}
}

// setGeneration makes the auth token that is held the one of a later redemption.
func (b *harness) setGeneration(t *testing.T, generation uint64) {
	t.Helper()
	v, err := tokenstore.Open(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := v.Get(one)
	if _, err := v.Update(t.Context(), r, func(r *tokenstore.Record) { r.Generation = generation }); err != nil {
		t.Fatal(err)
	}
}

// TestUnprovenProperty: before a mode has worked, no answer ends the auth token, also past
// its announced end. Each request is in one of the two modes. A mode that begins to work is
// found.
func TestUnprovenProperty(t *testing.T) {
	answers := map[string]func(tms.RefreshRequest) (tms.AuthToken, error){
		"invalid_grant": answerFailure(invalidGrantFailure()), "invalid_client": answerFailure(statusFailure(401, "invalid_client", "no")), "404": answerFailure(statusFailure(404, "", "")),
		"403": answerFailure(statusFailure(403, "FORBIDDEN", "no")), "portal": answerFailure(statusFailure(401, "", "")), "302": answerFailure(statusFailure(302, "", "")),
		"500": answerFailure(statusFailure(500, "", "")), "429": answerFailure(withRetryAfter(statusFailure(429, "", ""), time.Minute)), "lost": answerFailure(lostFailure()), "offline": answerFailure(offlineFailure()),
	}
	words := []string{"invalid_grant", "invalid_client", "404", "403", "portal", "302", "500", "429", "lost", "offline"}
	rapid.Check(t, func(r *rapid.T) {
		draw := func(mode string) (out []func(tms.RefreshRequest) (tms.AuthToken, error)) {
			for _, w := range rapid.SliceOfN(rapid.SampledFrom(words), 1, 12).Draw(r, mode) {
				out = append(out, answers[w])
			}
			return out
		}
		oidc, patch := draw("oidc"), draw("tms")
		works := rapid.SampledFrom([]string{"oidc", "tms"}).Draw(r, "works")
		lapses := rapid.Bool().Draw(r, "lapses")
		failure := ""
		synctest.Test(t, func(t *testing.T) {
			b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, woke: make(chan struct{}), mode: ModeAuto}
			m := &modeService{&service{script: oidc}, &service{script: patch}, nil}
			b.service = &service{script: steps(func(q tms.RefreshRequest) (tms.AuthToken, error) { return m.of(q.Mode).Refresh(t.Context(), q) })}
			held := tokenstore.Record{ID: one, AuthTokenID: "at-1"}
			if lapses {
				held.RefreshLife = tokenstore.NewLifetime(b.clock, 2*time.Hour)
			}
			b.addToken(t, held)
			b.run(t)
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if got := b.record(t); !got.State.Refreshable() || got.Refresh.IsZero() {
				failure = "it was given up: " + string(got.State)
			}
			m.oidc.script, m.patch.script = steps(answerFailure(invalidGrantFailure())), steps(answerFailure(invalidGrantFailure()))
			m.of(works).script = steps(answerRotated)
			b.Retry()
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			if got := b.record(t); failure == "" && got.State != token.Live {
				failure = "it does not recover: " + string(got.State)
			}
			if got := b.Capabilities.Get(one.Tenant).Refresh.Mode; failure == "" && got != works {
				failure = "learned " + got
			}
			b.stop()
		})
		if failure != "" {
			r.Fatal(failure)
		}
	})
}
