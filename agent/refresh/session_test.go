package refresh

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/store/storetest"
	"regent/agent/timing/timingtest"
	"regent/agent/tms"
	"regent/agent/token"

	"regent/agent/tokenstore"
)

// sessionProvider is an identity provider that ends each session, and says so in whole
// seconds, as Keycloak does. It is safe for concurrent use.
type sessionProvider struct {
	mu        sync.Mutex
	began     time.Time
	current   string
	requests  []time.Time
	life      time.Duration          // of an access token
	idle, max time.Duration          // of a session; 0 is none
	last      func(*tms.AuthToken)   // changes an answer of which nothing lives for a second
	refuse    *tms.Failure           // in place of invalid_grant
	revoked   bool                   // by an administrator
	answer    func(t *tms.AuthToken) // changes every answer
}

func (s *sessionProvider) grant(now time.Time) tms.AuthToken {
	left := s.max - now.Sub(s.began)
	t := tms.AuthToken{Access: token.NewSecret("access+"), Refresh: token.NewSecret(s.current), TTL: s.life}
	if s.max > 0 {
		t.TTL, t.RefreshTTL = min(t.TTL, left).Truncate(time.Second), left.Truncate(time.Second)
	}
	if s.idle > 0 && (s.max == 0 || s.idle < left) {
		t.RefreshTTL = s.idle
	}
	if t.TTL == 0 && s.last != nil {
		s.last(&t)
	}
	if s.answer != nil {
		s.answer(&t)
	}
	return t
}

// Refresh implements [Service].
func (s *sessionProvider) Refresh(_ context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	time.Sleep(20 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.requests = append(s.requests, now)
	left := s.max - now.Sub(s.began)
	if s.revoked || r.Refresh.Reveal() != s.current || s.max > 0 && left <= 0 {
		if s.refuse != nil {
			return tms.AuthToken{}, s.refuse
		}
		return tms.AuthToken{}, invalidGrantFailure()
	}
	s.current += "+"
	return s.grant(now), nil
}

// open begins a session, and an engine that holds its auth token.
func (s *sessionProvider) open(t *testing.T, limits policy.Limits) *harness {
	t.Helper()
	b := &harness{clock: timingtest.New(), store: &storetest.Memory{}, other: s, woke: make(chan struct{})}
	b.limits.Store(&limits)
	s.began, s.current = time.Now(), "refresh"
	first := s.grant(s.began)
	v, err := tokenstore.Open(t.Context(), b.store)
	if err != nil {
		t.Fatal(err)
	}
	err = v.Create(t.Context(), tokenstore.Record{
		ID: one, State: token.Live, Generation: 1, Intent: "intent-1", Jitter: 0.5,
		Access: first.Access, AccessLife: tokenstore.NewLifetime(b.clock, first.TTL), Refresh: first.Refresh,
		RefreshLife: tokenstore.NewLifetime(b.clock, first.RefreshTTL), RefreshIssuedAt: b.clock.Wall(), RedeemedAt: b.clock.Wall(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t)
	return b
}

// TestSessionLimit: what a refresh comes to when the service ends the session, and
// what is known then of how long its sessions last.
func TestSessionLimit(t *testing.T) {
	for _, tt := range []struct {
		name    string
		s       *sessionProvider
		away    time.Duration // after ten seconds the device sleeps for so long
		state   token.State
		session time.Duration
	}{
		{"short sessions", &sessionProvider{life: 15 * time.Second, max: 45 * time.Second}, 0, token.RefreshExpired, 45 * time.Second},
		{"they end between two seconds", &sessionProvider{life: 15 * time.Second, max: 45*time.Second + 700*time.Millisecond}, 0, token.RefreshExpired, 45 * time.Second},
		{"Keycloak's defaults", &sessionProvider{life: 5 * time.Minute, idle: 30 * time.Minute, max: 10 * time.Hour}, 0, token.RefreshExpired, 10 * time.Hour},
		{"the last lives are below 0", &sessionProvider{life: 15 * time.Second, max: 45 * time.Second, last: func(a *tms.AuthToken) {
			a.RefreshTTL = time.Nanosecond
		}}, 0, token.RefreshExpired, 45 * time.Second},
		{"the last answer has a refresh token alone", &sessionProvider{life: 15 * time.Second, max: 45 * time.Second, last: func(a *tms.AuthToken) {
			a.Access = token.Secret{}
		}}, 0, token.RefreshExpired, 45 * time.Second},
		{"the end is told in the service's own words", &sessionProvider{life: 15 * time.Second, max: 45 * time.Second, refuse: statusFailure(401, "REFRESH_TOKEN_INVALID", "no")}, 0, token.RefreshExpired, 45 * time.Second},
		{"idle for too long", &sessionProvider{life: 5 * time.Minute, idle: 30 * time.Minute, max: 10 * time.Hour}, 12 * time.Hour, token.RefreshExpired, 0},
		{"only idleness ends them", &sessionProvider{life: 5 * time.Minute, idle: 30 * time.Minute}, 0, token.Live, 0},
		{"offline tokens", &sessionProvider{life: 5 * time.Minute}, 0, token.Live, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := tt.s.open(t, policy.Limits{RefreshFloor: 5 * time.Second, RefreshRate: 10})
				defer b.stop()
				time.Sleep(10 * time.Second)
				if tt.away > 0 {
					time.Sleep(5 * time.Minute) // one refresh: a session is known
					b.clock.Suspend(tt.away)
					tt.s.began = tt.s.began.Add(-tt.away)
					b.woke <- struct{}{}
				}
				time.Sleep(11 * time.Hour)
				r := b.record(t)
				if r.State != tt.state || (r.SessionLimit-tt.session).Abs() > time.Second {
					t.Errorf("%s, sessions of %s; want %s, %s; changes %q", r.State, r.SessionLimit, tt.state, tt.session, b.changes)
				}
				for i, at := range tt.s.requests[1:] {
					if gap := at.Sub(tt.s.requests[i]); gap < 4*time.Second {
						t.Errorf("two requests within %s", gap)
					}
				}
			})
		})
	}
}

// TestRevokedWithinASession: an administrator's deletion is one, though the session
// has an end.
func TestRevokedWithinASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessionProvider{life: 15 * time.Second, max: time.Hour}
		b := s.open(t, policy.Limits{RefreshFloor: 5 * time.Second})
		defer b.stop()
		time.Sleep(20 * time.Second)
		s.mu.Lock()
		s.revoked = true
		s.mu.Unlock()
		time.Sleep(20 * time.Second)
		if got := b.record(t).State; got != token.Revoked {
			t.Errorf("state %s, want revoked", got)
		}
	})
}

// TestSessionLimitIsCleared: a session that outlives what was seen, or a refresh token
// without an end, takes back that sessions end.
func TestSessionLimitIsCleared(t *testing.T) {
	at := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)
	r := tokenstore.Record{RedeemedAt: at, RefreshIssuedAt: at, RefreshLife: tokenstore.Lifetime{TTL: time.Minute}, SessionLimit: time.Minute}
	for _, tt := range []struct {
		name  string
		after time.Duration
		life  time.Duration
		want  time.Duration
	}{
		{"the same end", 30 * time.Second, 30 * time.Second, time.Minute},
		{"within two seconds", 30 * time.Second, 32 * time.Second, 62 * time.Second},
		{"a later end", 30 * time.Second, time.Minute, 0},
		{"no end", 30 * time.Second, 0, 0},
		{"no end, at the announced one", 58 * time.Second, 0, time.Minute},
		{"too soon to tell", 2 * time.Second, 58 * time.Second, time.Minute},
	} {
		a := refreshAnswer{receivedAt: at.Add(tt.after), refreshLife: tokenstore.Lifetime{TTL: tt.life}, token: tms.AuthToken{Refresh: token.NewSecret("r")}}
		if got := sessionLimit(r, a); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestKeepsTheBetterToken: an answer whose access token has ended leaves the one
// that is good still, and its refresh token is kept.
func TestKeepsTheBetterToken(t *testing.T) {
	for _, tt := range []struct {
		name   string
		access string
		ttl    time.Duration
		want   string
	}{
		{"over already", "new", 0, "access"},
		{"none", "", 0, "access"},
		{"short", "new", time.Second, "new"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t, func(tms.RefreshRequest) (tms.AuthToken, error) {
					return tms.AuthToken{Access: token.NewSecret(tt.access), Refresh: token.NewSecret("rotated"), TTL: tt.ttl}, nil
				}, answerRotated)
				defer b.stop()
				time.Sleep(20 * time.Minute)
				f, err := b.Join(one)
				if err == nil {
					err = f.Wait(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				r, ok := b.Tokens.Get(one)
				if !ok || r.Refresh.Reveal() != "rotated" || r.State != token.Live || r.Access.Reveal() != tt.want {
					t.Errorf("%s, access %q, refresh %q", r.State, r.Access.Reveal(), r.Refresh.Reveal())
				}
				if left, _ := r.AccessLife.Remaining(b.clock); tt.want == "access" && left != 40*time.Minute {
					t.Errorf("it is good for %s, want 40m", left)
				}
			})
		})
	}
}

// TestFloor: a service whose tokens live for a second is asked once in five, and a
// caller between is told when to come again.
func TestFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sessionProvider{life: time.Second}
		b := s.open(t, policy.Limits{RefreshFloor: 5 * time.Second, RefreshRate: 10})
		defer b.stop()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if n := len(s.requests); n < 10 || n > 12 {
			t.Errorf("%d requests in a minute, want 12 at most", n)
		}
		_, err := b.Join(one)
		if f := fault.From(err); f.Kind != fault.Throttled || f.Retry <= 0 || f.Retry > 5*time.Second {
			t.Errorf("Join = %v, retry after %s", err, f.Retry)
		}
		if _, err := b.Force(one); fault.KindOf(err) != fault.Throttled {
			t.Errorf("Again = %v", err)
		}
		if l := b.Limited(one.Tenant, b.Tokens.List()); l == nil || l.FloorSeconds == 0 || l.LifeSeconds != 1 || l.Rate != 0 {
			t.Errorf("Limited = %+v", l)
		}
		time.Sleep(5 * time.Second)
		if f, err := b.Force(one); err == nil && f.Wait(t.Context()) != nil {
			t.Error("a minute of waiting began though nothing was asked")
		}
	})
}

// TestLimitedNamesTokens: of the access and the refresh token, the one that lives short.
func TestLimitedNamesTokens(t *testing.T) {
	for want, lives := range map[string][2]time.Duration{ // of the access and the refresh token
		"lifetime of access tokens: 3 s":            {3 * time.Second, time.Hour},
		"lifetime of access tokens: 2 s":            {2 * time.Second, 0},
		"lifetime of refresh tokens: 5 s":           {10 * time.Second, 5 * time.Second},
		"lifetime of refresh tokens: less than 1 s": {10 * time.Second, time.Nanosecond}, // it had ended when it came
		"lifetime of access tokens: less than 1 s":  {0, time.Hour},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newHarness(t, answerRotated)
			defer b.stop()
			b.limits.Store(&policy.Limits{RefreshFloor: 5 * time.Second})
			l := b.Limited(one.Tenant, []tokenstore.Record{{
				State: token.Live, AccessLife: tokenstore.NewLifetime(b.clock, lives[0]), RefreshLife: tokenstore.NewLifetime(b.clock, lives[1]),
			}})
			if l == nil || l.LifeText() != want {
				t.Errorf("%s and %s: got %+v, want %q", lives[0], lives[1], l, want)
			}
		})
	}
}

// TestFloorExemptsLostAnswer: the same refresh token is sent again at once.
func TestFloorExemptsLostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newHarness(t, answerRotated, answerFailure(lostFailure()), answerRotated)
		defer b.stop()
		b.limits.Store(&policy.Limits{RefreshFloor: 5 * time.Second, RefreshRate: 10})
		time.Sleep(45 * time.Minute)
		time.Sleep(39*time.Minute + 30*time.Second) // the second, whose answer is lost, and the third
		time.Sleep(2 * time.Second)
		if n, r := b.service.count(), b.record(t); n != 3 || r.Attempt.AnswerMissing() {
			t.Errorf("%d requests, attempt %+v; want the third to have settled it", n, r.Attempt)
		}
	})
}

// TestRate: of many that are due at one moment ten begin in each second, however
// fast the service is; callers stand in line for ten seconds at most.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const instances = 300
		b := newHarnessWith(t, instances)
		b.service.delay = 0
		b.limits.Store(&policy.Limits{RefreshFloor: 5 * time.Second, RefreshRate: 10})
		b.run(t)
		defer b.stop()
		time.Sleep(20 * time.Minute)
		var flights []*Flight
		told := 0
		for n := range instances {
			id := one
			id.Number = n + 1
			f, err := b.Join(id)
			switch wrong := fault.From(err); {
			case err == nil:
				flights = append(flights, f)
			case wrong.Kind == fault.Throttled && wrong.Retry > 0:
				told++
			default:
				t.Fatal(err)
			}
		}
		if n := len(flights); n < 100 || n > 110 || n+told != instances { // ten may have begun meanwhile
			t.Errorf("%d flights and %d told to wait, want 100 and 200", n, told)
		}
		for second := range 3 {
			time.Sleep(500 * time.Millisecond)
			if got := b.service.count(); got != 10*(second+1) {
				t.Errorf("after %d seconds %d requests", second, got)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if l := b.Limited(one.Tenant, b.Tokens.List()); l == nil || l.FloorSeconds != 0 || l.Rate == 0 {
			t.Errorf("Limited = %+v", l)
		}
		for _, f := range flights {
			if err := f.Wait(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Minute)
		if l := b.Limited(one.Tenant, b.Tokens.List()); l != nil {
			t.Error("it is said a minute later still that the rate acts")
		}
	})
}

// TestSessionLimitOfTenant: the newest answer that shows an end, or that there is
// none, says whether a tenant's sessions end.
func TestSessionLimitOfTenant(t *testing.T) {
	held := func(served int, session, life time.Duration) tokenstore.Record {
		return tokenstore.Record{
			ID: one, RefreshIssuedAt: time.Unix(int64(served), 0), SessionLimit: session,
			Refresh: token.NewSecret("r"), RefreshLife: tokenstore.Lifetime{TTL: life},
		}
	}
	for _, tt := range []struct {
		name string
		held []tokenstore.Record
		want time.Duration
	}{
		{"nothing held", nil, 0},
		{"nothing learnt", []tokenstore.Record{held(1, 0, time.Hour)}, 0},
		{"one has learnt it", []tokenstore.Record{held(2, 0, time.Hour), held(1, 10*time.Hour, time.Hour)}, 10 * time.Hour},
		{"made longer since", []tokenstore.Record{held(2, 20*time.Hour, time.Hour), held(1, 10*time.Hour, 0)}, 20 * time.Hour},
		{"offline tokens since", []tokenstore.Record{held(1, 10*time.Hour, 0), held(2, 0, 0)}, 0},
	} {
		if got := SessionLimit(tt.held); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
