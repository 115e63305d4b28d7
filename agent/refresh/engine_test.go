package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/store"
	"regent/agent/store/storetest"
	"regent/agent/timing"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

var one = token.Instance{Tenant: "demo-host.com", Application: "cad", Number: 1}

// service answers each refresh by the next step of its script, the last one for
// ever after.
type service struct {
	mu     sync.Mutex
	script []func(tms.RefreshRequest) (tms.AuthToken, error)
	sent   []string
	delay  time.Duration
}

func (s *service) Refresh(_ context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	time.Sleep(s.delay)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, r.Refresh.Reveal())
	step := s.script[0]
	if len(s.script) > 1 {
		s.script = s.script[1:]
	}
	return step(r)
}

// answer replaces the script.
func (s *service) answer(script ...func(tms.RefreshRequest) (tms.AuthToken, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = script
}

func (s *service) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

// answerRotated answers with a new access and a new refresh token.
func answerRotated(r tms.RefreshRequest) (tms.AuthToken, error) {
	return tms.AuthToken{Access: token.NewSecret("access+"), Refresh: token.NewSecret(r.Refresh.Reveal() + "+"), TTL: time.Hour}, nil
}

func answerUnrotated(tms.RefreshRequest) (tms.AuthToken, error) {
	return tms.AuthToken{Access: token.NewSecret("access+"), TTL: time.Hour}, nil
}

func answerFailure(f *tms.Failure) func(tms.RefreshRequest) (tms.AuthToken, error) {
	f.Op, f.Host = "refresh", "demo-host.com"
	return func(tms.RefreshRequest) (tms.AuthToken, error) { return tms.AuthToken{}, f }
}

func lostFailure() *tms.Failure    { return &tms.Failure{Reach: tms.Lost} }
func offlineFailure() *tms.Failure { return &tms.Failure{Reach: tms.NotSent} }
func invalidGrantFailure() *tms.Failure {
	return statusFailure(400, "invalid_grant", "Token is not active")
}

// harness is an engine with all it needs, in a bubble.
type harness struct {
	*Engine
	clock   *timingtest.Clock
	store   *storetest.Memory
	service *service
	woke    chan struct{}
	untold  bool   // not every resume is told
	mode    string // refresh.mode, of which nothing has worked yet; "" is oidc, which has

	limits   atomic.Pointer[policy.Limits]      // nil for none
	other    Service                            // in place of service; nil for that
	noClient error                              // why the next client cannot be made; it is told once
	held     func(string) (time.Duration, bool) // nil for never
	changes  []string
	stop     func()
}

func newHarness(t *testing.T, script ...func(tms.RefreshRequest) (tms.AuthToken, error)) *harness {
	t.Helper()
	b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, service: &service{script: script}, woke: make(chan struct{})}
	b.addToken(t, tokenstore.Record{ID: one})
	b.run(t)
	return b
}

// addToken makes a vault with one live auth token that was received just now.
func (b *harness) addToken(t *testing.T, r tokenstore.Record) {
	t.Helper()
	v, err := tokenstore.Open(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	r.State, r.Generation, r.Intent = token.Live, 1, "intent-1"
	r.Access, r.AccessLife = token.NewSecret("access"), tokenstore.NewLifetime(b.clock, time.Hour)
	r.Refresh = token.NewSecret("refresh")
	if err := v.Create(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// run starts an engine over what the store holds, as a new process does.
func (b *harness) run(t *testing.T) {
	t.Helper()
	v, err := tokenstore.Open(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	if b.held == nil {
		b.held = func(string) (time.Duration, bool) { return 0, false }
	}
	b.Engine = NewEngine(Options{
		Loop: tokenstore.Loop{
			Tokens: v, Capabilities: openCapabilities(t, b.store, b.mode), Signal: timing.NewSignal(),
			Clock: b.clock, Random: func() float64 { return 0.5 }, Skew: func(string) time.Duration { return 0 },
			Pauses: timing.NewPauses(b.clock, func() float64 { return 0.5 }, b.held, timing.NewLocalFailures(b.clock)), Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
			Changed: func(_ context.Context, id token.Instance, from, to token.State, cause fault.Kind) {
				b.changes = append(b.changes, fmt.Sprintf("%s %s>%s %s", id, from, to, cause))
			},
		},
		Mode: func() string { return cmp.Or(b.mode, tms.ModeOIDC) }, Service: b.client, Limits: b.limited, Wakeups: b.woke, WakeupsComplete: !b.untold,
	})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { b.Run(ctx) })
	b.stop = func() {
		cancel()
		running.Wait()
	}
}

// openCapabilities is what the tenants taught, as a store has it. Without a mode the tenant
// has taught that mode oidc works.
func openCapabilities(t *testing.T, s store.Store, mode string) *tokenstore.TenantCapabilities {
	t.Helper()
	l, err := tokenstore.OpenTenantCapabilities(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if mode != "" {
		return l
	}
	if err := l.Update(t.Context(), one.Tenant, func(l *tms.Capabilities) { l.NoteRefresh(tms.ModeOIDC, time.Now()) }); err != nil {
		t.Fatal(err)
	}
	return l
}

func (b *harness) client(string) (Service, error) {
	if b.other != nil {
		return b.other, nil
	}
	b.service.mu.Lock()
	defer b.service.mu.Unlock()
	err := b.noClient
	b.noClient = nil
	return b.service, err
}

func (b *harness) limited() policy.Limits {
	if l := b.limits.Load(); l != nil {
		return *l
	}
	return policy.Limits{}
}

func (b *harness) record(t *testing.T) tokenstore.Record {
	t.Helper()
	r, ok := b.Tokens.Get(one)
	if !ok {
		t.Fatal("the auth token is gone")
	}
	return r
}

func TestRefreshesInItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		time.Sleep(36*time.Minute - time.Second)
		if n := b.service.count(); n != 0 {
			t.Fatalf("%d requests before 60 %% of the life", n)
		}
		time.Sleep(9*time.Minute + time.Second)
		r := b.record(t)
		if n := b.service.count(); n != 1 || r.Generation != 2 || r.Access.Reveal() != "access+" {
			t.Fatalf("after 75 %% of the life: %d requests, generation %d", n, r.Generation)
		}
		if r.Refresh.Reveal() != "refresh+" || r.PreviousRefresh.Reveal() != "refresh" || r.Attempt != (tokenstore.Attempt{}) {
			t.Errorf("refresh token %q, older %q, attempt %+v", r.Refresh.Reveal(), r.PreviousRefresh.Reveal(), r.Attempt)
		}
		time.Sleep(time.Hour)
		if n := b.service.count(); n != 2 {
			t.Errorf("%d requests after two lives, want 2", n)
		}
	})
}

// A lid that is shut stands still for timers and not for tokens.
func TestRefreshesAfterSleep(t *testing.T) {
	for _, tt := range []struct {
		name  string
		event bool // does the platform report the wake
		slack time.Duration
	}{
		{"with a wake event", true, 0},
		{"without one", false, timing.PollInterval},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, answerRotated)
				defer func() { b.stop() }()
				if !tt.event {
					b.stop()
					b.woke = nil
					b.run(t)
				}
				time.Sleep(10 * time.Minute)
				b.clock.Suspend(8 * time.Hour)
				if tt.event {
					b.woke <- struct{}{}
				}
				time.Sleep(tt.slack)
				synctest.Wait()
				if n := b.service.count(); n != 1 {
					t.Errorf("%d requests within %v of the wake, want 1", n, tt.slack)
				}
			})
		})
	}
}

func TestCivilClockOnlyMakesARefreshDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		time.Sleep(time.Minute)
		b.clock.SetWall(100 * 365 * 24 * time.Hour)
		if left, known := b.record(t).AccessLife.Remaining(b.clock); !known || left != 59*time.Minute {
			t.Errorf("Remaining = %v, %v after the civil clock ran ahead; want 59m", left, known)
		}
		time.Sleep(timing.IdleInterval)
		synctest.Wait()
		if n := b.service.count(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestCallersShareOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		b.service.delay = 3 * time.Second
		var waiting sync.WaitGroup
		for range 200 {
			waiting.Go(func() {
				f, err := b.Join(one)
				if err == nil {
					err = f.Wait(t.Context())
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		waiting.Wait()
		if n := b.service.count(); n != 1 {
			t.Errorf("200 callers made %d requests, want 1", n)
		}
	})
}

func TestFlightOutlivesCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		b.service.delay = 10 * time.Second
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := f.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v", err)
		}
		time.Sleep(10 * time.Second)
		if g := b.record(t).Generation; g != 2 {
			t.Errorf("generation %d after the flight, want 2", g)
		}
	})
}

func TestShutdownDrainsAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		b.service.delay = 10 * time.Second
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		b.stop()
		if err := f.Wait(t.Context()); err != nil || b.record(t).Generation != 2 {
			t.Errorf("the flight under way: %v, generation %d", err, b.record(t).Generation)
		}
		late, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := late.Wait(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("a flight after the end: %v", err)
		}
	})
}

// Each outcome of a story is what the evidence says, and no failure overwrites
// the access token.
func TestFailureSequences(t *testing.T) {
	type step = func(tms.RefreshRequest) (tms.AuthToken, error)
	for _, tt := range []struct {
		name   string
		script []step
		want   token.State
		sent   []string
	}{
		{"offline for a while", []step{answerFailure(offlineFailure()), answerFailure(offlineFailure()), answerRotated}, token.Live, []string{"refresh", "refresh", "refresh"}},
		{"lost answer, then the same token works", []step{answerFailure(lostFailure()), answerRotated}, token.Live, []string{"refresh", "refresh"}},
		{
			"lost answer, then only the older one works",
			[]step{answerRotated, answerFailure(lostFailure()), answerFailure(invalidGrantFailure()), answerRotated},
			token.Live,
			[]string{"refresh", "refresh+", "refresh+", "refresh"},
		},
		{
			"lost answer, and neither works",
			[]step{answerRotated, answerFailure(lostFailure()), answerFailure(invalidGrantFailure())},
			token.RefreshLost,
			[]string{"refresh", "refresh+", "refresh+", "refresh"},
		},
		{"lost answer without an older one", []step{answerFailure(lostFailure()), answerFailure(invalidGrantFailure())}, token.RefreshLost, []string{"refresh", "refresh"}},
		{"invalid_grant out of the blue", []step{answerFailure(invalidGrantFailure())}, token.Revoked, []string{"refresh"}},
		{"a portal for ever", []step{answerFailure(statusFailure(401, "", ""))}, token.Expired, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, tt.script...)
				defer b.stop()
				time.Sleep(4 * time.Hour)
				r := b.record(t)
				if r.State != tt.want {
					t.Errorf("state %s, want %s; changes %q", r.State, tt.want, b.changes)
				}
				if r.Access.IsZero() {
					t.Error("a failure took the access token away")
				}
				for i, want := range tt.sent {
					if i >= len(b.service.sent) || b.service.sent[i] != want {
						t.Fatalf("sent %q, want it to begin with %q", b.service.sent, tt.sent)
					}
				}
				if !tt.want.Refreshable() && len(b.service.sent) != len(tt.sent) {
					t.Errorf("sent %d requests after giving up, want %d in all", len(b.service.sent), len(tt.sent))
				}
			})
		})
	}
}

func TestExpiredRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, woke: make(chan struct{})}
		b.service = &service{script: []func(tms.RefreshRequest) (tms.AuthToken, error){answerFailure(invalidGrantFailure())}}
		b.addToken(t, tokenstore.Record{ID: one, RefreshLife: tokenstore.NewLifetime(b.clock, 48*time.Hour)})
		b.clock.Reboot("boot-2", 72*time.Hour) // a long weekend
		b.run(t)
		defer b.stop()
		time.Sleep(10 * time.Minute)
		if got := b.record(t).State; got != token.RefreshExpired {
			t.Errorf("state %s, want %s", got, token.RefreshExpired)
		}
	})
}

// A process that dies while it asks leaves its attempt on record, and the next
// one reads invalid_grant by it.
func TestAttemptSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerFailure(invalidGrantFailure()))
		b.stop()
		if _, err := b.Tokens.Update(t.Context(), b.record(t), func(r *tokenstore.Record) { r.Attempt.Open = true }); err != nil {
			t.Fatal(err)
		}
		b.run(t)
		defer b.stop()
		time.Sleep(time.Hour)
		if got := b.record(t).State; got != token.RefreshLost {
			t.Errorf("state %s, want %s", got, token.RefreshLost)
		}
	})
}

func TestThrottlePausesTheTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerFailure(withRetryAfter(statusFailure(429, "", ""), 10*time.Minute)), answerRotated)
		defer b.stop()
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); fault.KindOf(err) != fault.Throttled {
			t.Errorf("Wait = %v, want throttled", err)
		}
		two := token.Instance{Tenant: one.Tenant, Application: "other", Number: 1}
		if _, err := b.Join(two); fault.From(err).Retry != 10*time.Minute {
			t.Errorf("another instance of the tenant: %v, want a pause of 10m", err)
		}
		if f, _ := b.Force(one); f != nil {
			t.Error("a caller forced a refresh during the pause")
		}
	})
}

func TestForceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		b.limits.Store(&policy.Limits{RefreshFloor: 5 * time.Second, RefreshRate: 10})
		time.Sleep(5 * time.Second) // the first token came just now
		for range 600 {
			if f, _ := b.Force(one); f != nil {
				if err := f.Wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := b.Force(one); fault.From(err).Retry != time.Minute {
					t.Errorf("right after a forced refresh: %v, retry after %s, want a minute", err, fault.From(err).Retry)
				}
			}
			time.Sleep(time.Second)
		}
		if n := b.service.count(); n != 10 {
			t.Errorf("10 minutes of forcing made %d requests, want 10", n)
		}
	})
}

// A full disk at any write: nothing is handed out that is not durable, and the
// answer is not thrown away.
func TestDiskFull(t *testing.T) {
	errFull := errors.New("no space left on device")
	for n := range 3 {
		t.Run(fmt.Sprintf("write %d", n+1), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, answerRotated)
				defer b.stop()
				for range n {
					b.store.FailNext(storetest.Put, nil)
				}
				b.store.FailNext(storetest.Put, errFull)
				f, err := b.Join(one)
				if err != nil {
					t.Fatal(err)
				}
				err = f.Wait(t.Context())
				if r := b.record(t); err != nil && r.Access.Reveal() != "access" {
					t.Errorf("after %v the token that is served is %q", err, r.Access.Reveal())
				}
				time.Sleep(time.Hour)
				r := b.record(t)
				if r.State != token.Live || r.Generation < 2 || r.Refresh.Reveal() == "refresh" {
					t.Errorf("after the disk had room again: %s, generation %d, refresh token %q", r.State, r.Generation, r.Refresh.Reveal())
				}
				for i, sent := range b.service.sent {
					if want := "refresh" + "+++"[:i]; sent != want {
						t.Errorf("request %d sent %q, want %q: an answer was thrown away", i, sent, want)
					}
				}
			})
		})
	}
}

func TestForgetDuringRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated)
		defer b.stop()
		b.service.delay = 5 * time.Second
		f, err := b.Join(one)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := b.Tokens.Forget(t.Context(), b.record(t)); err != nil {
			t.Fatal(err)
		}
		if err := f.Wait(t.Context()); err == nil {
			t.Error("an answer for a forgotten instance was accepted")
		}
		if _, ok := b.Tokens.Get(one); ok {
			t.Error("an answer brought a forgotten auth token back")
		}
	})
}

func TestNoRotationKeepsTheRefreshToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerUnrotated)
		defer b.stop()
		time.Sleep(50 * time.Minute)
		r := b.record(t)
		if r.Generation != 2 || r.Refresh.Reveal() != "refresh" || !r.PreviousRefresh.IsZero() {
			t.Errorf("generation %d, refresh token %q, older %q", r.Generation, r.Refresh.Reveal(), r.PreviousRefresh.Reveal())
		}
	})
}
