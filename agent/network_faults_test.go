package agent

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/agent/tms"
	"regent/agent/tms/emulator"
	"regent/agent/token"
)

// requestToken asks a device for its token, as an application does.
func (m *member) requestToken(t *testing.T) error {
	by, _ := newCaller("alice", 1)
	_, err := m.agent.Token(t.Context(), by, cadRequest)
	return err
}

func (m *member) state() token.State { return m.agent.tokens.List()[0].State }

// dyingClient is a client whose process ends between the service's answer and the
// first use of it: the answer never comes, until the test ends.
type dyingClient struct {
	Service
	asked func()
	dead  chan struct{}
}

func (d dyingClient) Refresh(ctx context.Context, r tms.RefreshRequest) (tms.AuthToken, error) {
	_, err := d.Service.Refresh(ctx, r)
	d.asked()
	<-d.dead
	return tms.AuthToken{}, errors.Join(errors.New("the process has ended"), err)
}

// TestLostAnswers: what becomes of auth tokens when the service has renewed them
// and the device never hears of it. Only a service that rotates strictly makes a
// loss of it, and then the loss is known as such: each tenant has shown before how
// it refreshes.
func TestLostAnswers(t *testing.T) {
	const devices = 10
	modes := []struct {
		name  string
		knobs emulator.Knobs
		lost  bool
	}{
		{"strict rotation with family revocation", emulator.Knobs{AccessLifetime: time.Hour}, true},
		{"30 s grace", emulator.Knobs{AccessLifetime: time.Hour, ReuseGrace: 30 * time.Second}, false},
		{"no rotation", emulator.Knobs{AccessLifetime: time.Hour, Rotation: emulator.RotationOff}, false},
		{"no refresh token in the answer", emulator.Knobs{AccessLifetime: time.Hour, Rotation: emulator.RotationOmit}, false},
	}
	failures := []struct {
		name string
		meet func(*fleet)
	}{
		{"reply dropped after commit", func(fl *fleet) { fl.loseFirst(func(http.ResponseWriter) { panic(http.ErrAbortHandler) }) }},
		{"500 after commit", func(fl *fleet) {
			fl.loseFirst(func(w http.ResponseWriter) { http.Error(w, "Internal Server Error", http.StatusInternalServerError) })
		}},
		{"kill", (*fleet).killAfterCommit},
	}
	told := newTable("the service", "and", "auth tokens", "lost", "counts used")
	for _, mode := range modes {
		for _, failure := range failures {
			t.Run(mode.name+", "+failure.name, func(t *testing.T) {
				simulate(t, devices, mode.knobs, func(fl *fleet) {
					fl.proveKeycloakMode()
					failure.meet(fl)
					time.Sleep(3 * time.Hour)
					lost := fl.judgeLosses(mode.lost)
					told.row(mode.name, failure.name, devices, lost, fl.service.State().Redeemed)
				})
			})
		}
	}
	t.Logf("\n%s", told)
}

// proveKeycloakMode has each device know that Keycloak's form works.
func (fl *fleet) proveKeycloakMode() {
	for _, m := range fl.devices {
		tenant := m.agent.tokens.List()[0].ID.Tenant
		if err := m.agent.capabilities.Update(fl.Context(), tenant, func(l *tms.Capabilities) { l.NoteRefresh(tms.ModeOIDC, m.clock.Wall()) }); err != nil {
			fl.Error(err)
		}
	}
}

// judgeLosses wants all auth tokens lost, and known to be, or none. It returns how
// many are.
func (fl *fleet) judgeLosses(all bool) (lost int) {
	fl.Helper()
	for _, m := range fl.devices {
		switch err := m.requestToken(fl.T); {
		case m.state() == token.Live && err == nil:
		case m.state() == token.RefreshLost && fault.KindOf(err) == fault.RefreshLost:
			lost++
		default:
			fl.Errorf("a device ends %s: %v", m.state(), err)
		}
	}
	if all && lost != len(fl.devices) || !all && lost != 0 {
		fl.Errorf("%d of %d auth tokens were lost", lost, len(fl.devices))
	}
	if got := fl.service.State().Redeemed; got != len(fl.devices) {
		fl.Errorf("%d counts used, want %d: a loss is no reason to redeem", got, len(fl.devices))
	}
	return lost
}

// loseFirst has the service renew each auth token once while the device gets
// another answer, or none.
func (fl *fleet) loseFirst(instead func(http.ResponseWriter)) {
	var mu sync.Mutex
	met := map[string]bool{}
	fl.setBetween(func(w http.ResponseWriter, r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body)) // no form has no refresh token
		family, _, rotates := strings.Cut(form.Get("refresh_token"), ".")
		mu.Lock()
		first := rotates && !met[family]
		met[family] = true
		mu.Unlock()
		if first {
			fl.service.ServeHTTP(httptest.NewRecorder(), r)
			instead(w)
		}
		return first
	})
}

// killAfterCommit ends the process of each device once, in the middle of a
// refresh that the service has made, and starts it again two seconds later.
func (fl *fleet) killAfterCommit() {
	dead := make(chan struct{})
	asked := make(chan *member, len(fl.devices))
	fl.wrap = func(m *member, s Service) Service { return dyingClient{s, sync.OnceFunc(func() { asked <- m }), dead} }
	for _, m := range fl.devices {
		m.stop()
		fl.boot(m)
		if _, err := m.agent.clients.service(fleetTenant); err != nil { // its client is made when first used: now
			fl.Fatal(err)
		}
	}
	fl.wrap = nil
	var stops []func()
	for range fl.devices {
		m := <-asked
		time.Sleep(2 * time.Second)
		stops = append(stops, m.stop)
		fl.boot(m)
	}
	time.Sleep(time.Minute)
	close(dead)
	for _, stop := range stops {
		stop()
	}
}

// TestLostTokenServedUntilExpiry: the service takes back a refresh token that it saw
// twice. What is held is served as long as it lives, status has the cause, and no
// count is spent on another.
func TestLostTokenServedUntilExpiry(t *testing.T) {
	simulate(t, 1, emulator.Knobs{AccessLifetime: time.Hour}, func(fl *fleet) {
		m := fl.devices[0]
		fl.loseFirst(func(http.ResponseWriter) { panic(http.ErrAbortHandler) })
		by, _ := newCaller("alice", 1)
		g, err := m.agent.Token(fl.Context(), by, TokenRequest{Application: "cad", MinTTL: 59 * time.Minute}) // starts a refresh
		if err != nil {
			fl.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := m.state(); got != token.RefreshLost {
			fl.Fatalf("a minute after the lost answer it is %s, want %s", got, token.RefreshLost)
		}
		for time.Now().Before(g.ExpiresAt.Add(-time.Second)) {
			if err := m.requestToken(fl.T); err != nil {
				fl.Fatalf("%s before its end: %v", time.Until(g.ExpiresAt), err)
			}
			time.Sleep(30 * time.Second)
		}
		time.Sleep(time.Minute)
		if err := m.requestToken(fl.T); fault.KindOf(err) != fault.RefreshLost {
			fl.Errorf("past its end: %v, want refresh_lost", err)
		}
		s, err := m.agent.Status(fl.Context(), administrator())
		if err != nil || s.Applications[0].Instances[0].LastFault == nil || s.Applications[0].Instances[0].LastFault.Code != string(fault.RefreshLost) {
			fl.Errorf("status has no cause: %+v, %v", s.Applications[0].Instances, err)
		}
		if got := fl.service.State().Redeemed; got != 1 {
			fl.Errorf("%d counts used, want 1", got)
		}
	})
}

// TestOneRefreshForAll: two hundred callers at the moment when the access token
// ends make one request.
func TestOneRefreshForAll(t *testing.T) {
	simulate(t, 1, emulator.Knobs{AccessLifetime: time.Hour, Latency: time.Second}, func(fl *fleet) {
		t, m := fl.T, fl.devices[0]
		m.stop() // at its start a due refresh that nobody waits for is put off
		time.Sleep(time.Hour)
		fl.boot(m)
		before := fl.service.State().Requests[emulator.ClassRefresh]
		var callers sync.WaitGroup
		for range 200 {
			callers.Go(func() {
				if err := m.requestToken(t); err != nil {
					t.Errorf("a caller was refused: %v", err)
				}
			})
		}
		callers.Wait()
		got := fl.service.State().Requests[emulator.ClassRefresh] - before
		t.Logf("200 callers at the moment of expiry: %d refresh request", got)
		if got != 1 {
			t.Errorf("200 callers made %d refresh requests, want 1", got)
		}
	})
}

// TestDayOfCaptivePortals: 24 hours of 401s and captive portals at random, now of an
// hour and now of a moment, cost no count and no auth token.
func TestDayOfCaptivePortals(t *testing.T) {
	const devices = 20
	simulate(t, devices, emulator.Knobs{AccessLifetime: time.Hour}, func(fl *fleet) {
		t := fl.T
		var mu sync.Mutex
		dice := rand.New(rand.NewPCG(24, 401))
		answered := map[int]int{}
		fl.setBetween(func(w http.ResponseWriter, _ *http.Request) bool {
			mu.Lock()
			n := dice.IntN(8)
			answered[n]++
			mu.Unlock()
			return answerAsPortal(w, n)
		})
		time.Sleep(24 * time.Hour)
		fl.setBetween(nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		got := fl.service.State()
		t.Logf("24 hours: %d answers by the service, 401 in its shape %d, other 401s %d, portals %d; %d devices, %d counts used, %d refreshes",
			answered[5]+answered[6]+answered[7], answered[0], answered[1], answered[2]+answered[3]+answered[4], devices, got.Redeemed, got.Refreshed)
		if got := got.Redeemed; got != devices {
			t.Errorf("%d counts used, want %d", got, devices)
		}
		for i, m := range fl.devices {
			if err := m.requestToken(t); m.state() != token.Live || err != nil {
				t.Errorf("device %d ends %s: %v", i, m.state(), err)
			}
		}
	})
}

// answerAsPortal answers as things do that stand between a device and the service.
func answerAsPortal(w http.ResponseWriter, kind int) bool {
	portal := `<html><body>Welcome to the hotel. <a href="/login">Log in</a></body></html>`
	switch kind {
	case 0:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(`{"errorCode":"UNAUTHORIZED","message":"no"}`))
	case 1:
		w.WriteHeader(http.StatusUnauthorized)
		w.Write([]byte(portal))
	case 2:
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(portal)) // 200
	case 3:
		w.Header().Set("Location", "http://portal.example/login")
		w.WriteHeader(http.StatusFound)
	case 4:
		w.WriteHeader(http.StatusNetworkAuthenticationRequired)
		w.Write([]byte(portal))
	default:
		return false
	}
	return true
}
