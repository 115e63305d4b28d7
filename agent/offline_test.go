package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/store/storetest"
	"regent/agent/tms/contract"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// redeemAgain is the policy that spares a laptop its administrator.
func redeemAgain(s *policy.Settings) {
	s.KeepRegistrationToken = true
	s.Refresh.OnRefreshExpired = policy.RedeemAgain
}

func keepExpired(*policy.Settings) {}

// closeLid lets a laptop be shut for a while, and switched on with a clock that is
// off by skew.
func (fl *fleet) closeLid(m *member, d, skew time.Duration) {
	m.stop()
	time.Sleep(d)
	m.clock.Reboot("boot-after-"+d.String(), 0)
	m.clock.SetWall(skew)
	fl.boot(m)
}

const century = 100 * 365 * 24 * time.Hour

// TestRefreshTokenExpiresOffline: a refresh token that lies unused past its life is expired,
// whatever the laptop's clock says when it comes back, and policy alone decides
// whether a count is spent: at most one in 30 days.
func TestRefreshTokenExpiresOffline(t *testing.T) {
	knobs := emulator.Knobs{AccessLifetime: time.Hour, RefreshLifetime: 48 * time.Hour}
	for _, tt := range []struct {
		name   string
		change func(*policy.Settings)
		skew   time.Duration
		state  token.State
		counts int
	}{
		{"wait", keepExpired, 0, token.RefreshExpired, 1},
		{"redeem", redeemAgain, 0, token.Live, 2},
		{"redeem, in 1970", redeemAgain, -30 * 365 * 24 * time.Hour, token.Live, 2},
		{"redeem, a century ahead", redeemAgain, century, token.Live, 2},
		{"wait, in 1970", keepExpired, -30 * 365 * 24 * time.Hour, token.RefreshExpired, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			simulateWith(t, 1, knobs, tt.change, func(fl *fleet) {
				m := fl.devices[0]
				fl.closeLid(m, 72*time.Hour, tt.skew)
				err := m.requestToken(fl.T)
				if want := tt.state == token.Live; (err == nil) != want || err != nil && fault.KindOf(err) != fault.RefreshExpired {
					fl.Errorf("the first caller after it: %v", err)
				}
				time.Sleep(24 * time.Hour)
				if got := m.state(); got != tt.state {
					fl.Errorf("it ends %s, want %s", got, tt.state)
				}
				if got := fl.service.State().Redeemed; got != tt.counts {
					fl.Errorf("%d counts used, want %d", got, tt.counts)
				}
				fl.closeLid(m, 72*time.Hour, 0) // the second weekend within 30 days
				time.Sleep(time.Hour)
				if got := fl.service.State().Redeemed; got != tt.counts || m.state() != token.RefreshExpired {
					fl.Errorf("after another weekend %d counts used and %s, want %d and refresh_expired", got, m.state(), tt.counts)
				}
			})
		})
	}
}

// TestRevokedIsNotExpired: an administrator's decision is not undone by policy.
func TestRevokedIsNotExpired(t *testing.T) {
	for _, mode := range []string{contract.ModeOIDC, contract.ModeTMS} {
		t.Run(mode, func(t *testing.T) {
			change := func(s *policy.Settings) { redeemAgain(s); s.Refresh.Mode = mode }
			simulateWith(t, 1, emulator.Knobs{AccessLifetime: time.Hour}, change, func(fl *fleet) {
				m := fl.devices[0]
				if !fl.service.DeleteAuthToken(m.agent.tokens.List()[0].AuthTokenID) {
					fl.Fatal("there is no such auth token")
				}
				for m.state() != token.Revoked {
					time.Sleep(time.Second)
				}
				if f := fault.From(m.requestToken(fl.T)); f.Kind != fault.Revoked || f.Retry != 0 { // the pause after the refusal runs
					fl.Errorf("just revoked: %v, and to be tried again in %s", f, f.Retry)
				}
				time.Sleep(24 * time.Hour)
				if m.state() != token.Revoked || fault.KindOf(m.requestToken(fl.T)) != fault.Revoked {
					fl.Errorf("it ends %s", m.state())
				}
				if got := fl.service.State().Redeemed; got != 1 {
					fl.Errorf("%d counts used, want 1", got)
				}
			})
		})
	}
}

// TestModeTMS: a week of refreshes at the service itself, and a lost answer.
func TestModeTMS(t *testing.T) {
	for name, tt := range map[string]struct {
		knobs emulator.Knobs
		want  token.State
	}{
		"strict rotation": {emulator.Knobs{AccessLifetime: time.Hour}, token.RefreshLost},
		"30 s grace":      {emulator.Knobs{AccessLifetime: time.Hour, ReuseGrace: 30 * time.Second}, token.Live},
	} {
		t.Run(name, func(t *testing.T) {
			change := func(s *policy.Settings) { s.Refresh.Mode = contract.ModeTMS }
			simulateWith(t, 1, tt.knobs, change, func(fl *fleet) {
				m := fl.devices[0]
				time.Sleep(7 * 24 * time.Hour)
				if got := fl.service.State().Refreshed; m.state() != token.Live || got < 200 {
					fl.Errorf("after a week: %s, %d refreshes", m.state(), got)
				}
				if err := fl.service.DropNext(emulator.ClassRefresh, 1); err != nil {
					fl.Fatal(err)
				}
				time.Sleep(3 * time.Hour)
				if m.state() != tt.want {
					fl.Errorf("after a lost answer: %s, want %s", m.state(), tt.want)
				}
			})
		})
	}
}

// TestModeTMSRegistration: a week of refreshes by the registration token that
// was kept, then without one: nothing is sent, and the next step is named.
func TestModeTMSRegistration(t *testing.T) {
	change := func(s *policy.Settings) {
		s.Refresh.Mode, s.KeepRegistrationToken = contract.ModeTMSRegistration, true
	}
	knobs := emulator.Knobs{AccessLifetime: time.Hour, Forms: emulator.Forms{Refresh: contract.ModeTMSRegistration}}
	simulateWith(t, 1, knobs, change, func(fl *fleet) {
		m := fl.devices[0]
		time.Sleep(7 * 24 * time.Hour)
		if got := fl.service.State().Refreshed; m.state() != token.Live || got < 200 {
			fl.Errorf("after a week: %s, %d refreshes", m.state(), got)
		}
		for _, held := range m.agent.registrations.List() {
			if err := m.agent.registrations.Delete(fl.Context(), held); err != nil {
				fl.Fatal(err)
			}
		}
		before := fl.service.State().Requests[emulator.ClassRefresh]
		time.Sleep(3 * time.Hour)
		if got := fl.service.State().Requests[emulator.ClassRefresh]; got != before || m.state() != token.Expired {
			fl.Errorf("without the registration token: %d requests more and %s, want none and expired", got-before, m.state())
		}
		f, _ := m.agent.refresh.LastFault(m.agent.tokens.List()[0].ID)
		if f == nil || !strings.Contains(f.Detail, "keep_registration_token: true") {
			fl.Errorf("it says %v, want what to do", f)
		}
	})
}

// TestClockIsSet: by years, both ways, while the daemon runs: nothing is lost,
// and a valid token is served throughout.
func TestClockIsSet(t *testing.T) {
	simulate(t, 1, emulator.Knobs{AccessLifetime: time.Hour}, func(fl *fleet) {
		m := fl.devices[0]
		for _, by := range []time.Duration{century, -2 * century, century, time.Hour, -time.Hour} {
			m.clock.SetWall(by)
			for range 120 {
				time.Sleep(time.Minute)
				if err := m.requestToken(fl.T); err != nil {
					fl.Fatalf("the clock was set by %s: %v", by, err)
				}
			}
		}
		if got := m.state(); got != token.Live {
			fl.Errorf("it ends %s", got)
		}
	})
}

// reset makes a new device of m, with the fleet's registration token.
func (fl *fleet) reset(m *member) {
	fl.Helper()
	m.stop()
	m.store = probedStore{&storetest.Memory{}}
	m.dir = filepath.Join(m.dir, "again")
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		fl.Fatal(err)
	}
	fl.boot(m)
	if _, err := m.agent.RegisterAsDaemon(fl.Context(), Registration{Token: token.NewSecret(fl.registration), Source: "test"}); err != nil {
		fl.Fatal(err)
	}
}

// TestDuplicates: whatever the service makes of an identifier that comes again,
// the account is right, since none ever does.
func TestDuplicates(t *testing.T) {
	for _, duplicates := range []emulator.Duplicates{emulator.DuplicatesCount, emulator.DuplicatesRefuse, emulator.DuplicatesSame} {
		for name, tt := range map[string]struct {
			fault emulator.Fault
			state token.State
			used  int
		}{
			"the documented 500 after the commit": {emulator.Fault{Class: emulator.ClassRedeem, Status: 500, AfterCommit: true}, token.Live, 2},
			"the documented 500 before it":        {emulator.Fault{Class: emulator.ClassRedeem, Status: 500}, token.Live, 1},
			"a reply that is lost":                {emulator.Fault{Class: emulator.ClassRedeem, AfterCommit: true}, token.Uncertain, 1},
		} {
			t.Run(string(duplicates)+", "+name, func(t *testing.T) {
				simulate(t, 1, emulator.Knobs{Duplicates: duplicates, RequestBody: emulator.BodyEither}, func(fl *fleet) {
					first := fl.service.State().Redeemed
					m := fl.devices[0]
					if err := fl.service.AddFault(tt.fault); err != nil {
						fl.Fatal(err)
					}
					fl.reset(m)
					time.Sleep(time.Hour)
					id := instanceIDs(m.agent.Settings().Applications[0])[0]
					if got := m.agent.redeem.State(id); got != tt.state {
						fl.Errorf("it ends %s, want %s", got, tt.state)
					}
					used := fl.service.State().Redeemed - first
					a := m.agent.redeem.Account(id)
					if used != tt.used || used < a.Confirmed || used > a.Confirmed+len(a.Uncertain) {
						fl.Errorf("%d counts used, want %d; %d confirmed, %d uncertain", used, tt.used, a.Confirmed, len(a.Uncertain))
					}
				})
			})
		}
	}
}
