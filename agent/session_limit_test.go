package agent

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// pacedClient is a device's client, whole, that notes how close its refreshes follow.
type pacedClient struct {
	*tms.Client
	m *member
}

func (p pacedClient) Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	p.m.mu.Lock()
	now := time.Now()
	if gap := now.Sub(p.m.refreshed); p.m.gap == 0 || gap < p.m.gap {
		p.m.gap = gap
	}
	p.m.refreshed = now
	p.m.mu.Unlock()
	return p.Client.Refresh(ctx, r)
}

// live counts the devices whose instance is live.
func (fl *fleet) live() (n int) {
	for _, m := range fl.devices {
		if m.state() == token.Live {
			n++
		}
	}
	return n
}

// TestSessionMaximum: the identity provider ends each session after 10 h, of a
// fleet that was enrolled within one hour. Every instance ends as refresh_expired.
// With wait all stand still from then on. With redeem each costs one more count,
// is served for one more session, and then stands still, since policy spends one
// count in 30 days. No device refreshes more often than the floor, though the lives
// shrink to nothing at each end.
func TestSessionMaximum(t *testing.T) {
	const session, floor = 10 * time.Hour, 5 * time.Second
	for _, tt := range []struct {
		name   string
		change func(*policy.Settings)
		spans  int // sessions for which an instance is served, each for one count
	}{
		{"wait", keepExpired, 1},
		{"redeem", redeemAgain, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			change := func(s *policy.Settings) {
				tt.change(s)
				s.Limits.RefreshFloor, s.Limits.RefreshRate = floor, 10
			}
			knobs := emulator.Knobs{AccessLifetime: time.Hour, SessionLifetime: session}
			simulateWith(t, *fleetSize, knobs, change, func(fl *fleet) {
				var served []int // live instances, by hour since the enrolment ended
				for range tt.spans*10 + 12 {
					served = append(served, fl.live())
					time.Sleep(time.Hour)
				}
				state := fl.service.State()
				fl.Logf("%d devices, sessions of %s: %d counts used, %d refreshes; live by hour: %v",
					*fleetSize, session, state.Redeemed, state.Requests[emulator.ClassRefresh], served)
				if want := tt.spans * *fleetSize; state.Redeemed != want {
					fl.Errorf("%d counts used, want %d", state.Redeemed, want)
				}
				if at := tt.spans*10 - 2; served[at] != *fleetSize {
					fl.Errorf("%d instances are live after %d h, want all", served[at], at)
				}
				if at := tt.spans*10 + 2; served[at] != 0 {
					fl.Errorf("%d instances are live after %d h, want none", served[at], at)
				}
				for i, m := range fl.devices {
					m.ended(fl, i, session, floor)
				}
			})
		})
	}
}

// ended checks what is known of a device whose last session has ended.
func (m *member) ended(fl *fleet, i int, session, floor time.Duration) {
	fl.Helper()
	if s := m.state(); s != token.RefreshExpired {
		fl.Errorf("device %d ends %s, want refresh_expired", i, s)
	}
	if m.gap < floor {
		fl.Errorf("device %d refreshed twice within %s, want %s at least", i, m.gap, floor)
	}
	s, err := m.agent.Status(fl.Context(), Caller{})
	if err != nil {
		fl.Fatal(err)
	}
	got := time.Duration(s.Tenants[0].SessionsEndSeconds) * time.Second
	if (got - session).Abs() > 2*time.Second {
		fl.Errorf("device %d: status says that sessions end after %s, want %s", i, got, session)
	}
}

// TestLimitsInStatus: status says which limit acts, and nothing where none does.
func TestLimitsInStatus(t *testing.T) {
	for _, tt := range []struct {
		name    string
		life    time.Duration
		want    *status.Limited
		summary string // at every moment
	}{
		{"tokens of 3 s", 3 * time.Second, &status.Limited{FloorSeconds: 5, LifeSeconds: 3}, "before the next refresh is allowed"},
		{"tokens of a minute", time.Minute, nil, "serving the one instance"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			change := func(s *policy.Settings) { s.Limits.RefreshFloor, s.Limits.RefreshRate = 5*time.Second, 10 }
			simulateWith(t, 1, emulator.Knobs{AccessLifetime: tt.life}, change, func(fl *fleet) {
				m := fl.devices[0]
				age := func() time.Duration { a, _ := m.agent.tokens.List()[0].AccessLife.Age(m.clock); return a }
				var s status.Status
				for a := time.Duration(0); a < 3*time.Second || a > 4*time.Second; a = age() {
					time.Sleep(100 * time.Millisecond)
					var err error
					if s, err = m.agent.Status(fl.Context(), Caller{}); err != nil {
						fl.Fatal(err)
					}
					if held := len(m.agent.tokens.List()) > 0; held && !strings.Contains(s.Summary, tt.summary) {
						fl.Errorf("at age %s the summary is %q, want %q in it", age(), s.Summary, tt.summary)
					}
				}
				if diff := cmp.Diff(s.Tenants[0].Limited, tt.want); diff != "" {
					fl.Errorf("limited (-got +want):\n%s", diff)
				}
			})
		})
	}
}
