package emulator_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"regent/agent/tms/emulator"
)

// TestRefreshTokens plays refreshes in a row. Each step uses one of the refresh
// tokens that were given so far, 0 being the redemption's.
func TestRefreshTokens(t *testing.T) {
	const minute = time.Minute
	type step struct {
		after time.Duration
		use   int
		ok    bool
	}
	strict := emulator.Knobs{}
	grace := emulator.Knobs{ReuseGrace: 10 * time.Second}
	for _, tt := range []struct {
		name  string
		knobs emulator.Knobs
		steps []step
	}{
		{"strict: in a row", strict, []step{{0, 0, true}, {0, 1, true}, {0, 2, true}}},
		{"strict: twice ends the family", strict, []step{{0, 0, true}, {0, 0, false}, {0, 1, false}}},
		{"strict: an old one ends it too", strict, []step{{0, 0, true}, {0, 1, true}, {0, 0, false}, {0, 2, false}}},
		{"grace: twice in time", grace, []step{{0, 0, true}, {9 * time.Second, 0, true}, {0, 1, true}}},
		{"grace: twice too late", grace, []step{{0, 0, true}, {10 * time.Second, 0, false}, {0, 1, false}}},
		{"grace: the last but one only", grace, []step{{0, 0, true}, {0, 1, true}, {0, 0, false}, {0, 2, false}}},
		{"grace: is not drawn out", grace, []step{{0, 0, true}, {9 * time.Second, 0, true}, {9 * time.Second, 0, false}}},
		{"off: the same for ever", emulator.Knobs{Rotation: emulator.RotationOff}, []step{{0, 0, true}, {10000 * time.Hour, 0, true}}},
		{"omit: the same for ever", emulator.Knobs{Rotation: emulator.RotationOmit}, []step{{0, 0, true}, {0, 0, true}}},
		{"idle: used in time", emulator.Knobs{RefreshLifetime: minute}, []step{{59 * time.Second, 0, true}, {59 * time.Second, 1, true}}},
		{"idle: too late", emulator.Knobs{RefreshLifetime: minute}, []step{{59 * time.Second, 0, true}, {minute, 1, false}}},
		{
			"idle without rotation: used in time",
			emulator.Knobs{RefreshLifetime: minute, Rotation: emulator.RotationOff},
			[]step{{59 * time.Second, 0, true}, {59 * time.Second, 0, true}, {minute, 0, false}},
		},
		{"cap: whatever is used", emulator.Knobs{SessionLifetime: minute}, []step{{30 * time.Second, 0, true}, {30 * time.Second, 1, false}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, tt.knobs)
			given := []string{f.redeem(f.issue(1), "a").grant(t, http.StatusCreated).RefreshToken}
			for i, s := range tt.steps {
				f.advance(s.after)
				r := f.refresh(given[s.use])
				if !s.ok {
					if r.status != http.StatusBadRequest || r.code() != "invalid_grant" {
						t.Fatalf("step %d: %d %s, want 400 invalid_grant", i, r.status, r.body)
					}
					continue
				}
				if g := r.grant(t, http.StatusOK); g.RefreshToken != "" && g.RefreshToken != given[len(given)-1] {
					given = append(given, g.RefreshToken)
				}
			}
		})
	}
}

// TestRotationAnswers: which refresh token the answer holds.
func TestRotationAnswers(t *testing.T) {
	for _, tt := range []struct {
		rotation emulator.Rotation
		holds    func(old, got string) bool
	}{
		{"", func(old, got string) bool { return got != "" && got != old }},
		{emulator.RotationOn, func(old, got string) bool { return got != "" && got != old }},
		{emulator.RotationOff, func(old, got string) bool { return got != "" && got != old }},
		{emulator.RotationOmit, func(_, got string) bool { return got == "" }},
	} {
		t.Run(string(tt.rotation), func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{Rotation: tt.rotation})
			first := f.redeem(f.issue(1), "a").grant(t, http.StatusCreated)
			oidc := f.refresh(first.RefreshToken).grant(t, http.StatusOK)
			if !tt.holds(first.RefreshToken, oidc.RefreshToken) {
				t.Errorf("mode oidc: %q after %q", oidc.RefreshToken, first.RefreshToken)
			}
			last := oidc.RefreshToken
			if last == "" {
				last = first.RefreshToken
			}
			tms := f.call("PATCH", "/authTokens/"+first.ID, "Bearer "+last, "").grant(t, http.StatusOK)
			if !tt.holds(last, tms.RefreshToken) {
				t.Errorf("mode tms: %q after %q", tms.RefreshToken, last)
			}
			if got := f.State().Refreshed; got != 2 {
				t.Errorf("%d refreshes counted, want 2", got)
			}
		})
	}
}

// TestRefreshExpiresIn: the shorter of the two ends is announced, and 0 if
// there is none.
func TestRefreshExpiresIn(t *testing.T) {
	for _, tt := range []struct {
		idle, whole   time.Duration
		redeem, after int // a minute later
	}{
		{0, 0, 0, 0},
		{time.Hour, 0, 3600, 3600},
		{0, time.Hour, 3600, 3540},
		{10 * time.Minute, time.Hour, 600, 600},
		{time.Hour, 10 * time.Minute, 600, 540},
	} {
		t.Run(fmt.Sprint(tt.idle, tt.whole), func(t *testing.T) {
			f := newFixture(t, emulator.Knobs{RefreshLifetime: tt.idle, SessionLifetime: tt.whole})
			g := f.redeem(f.issue(1), "a").grant(t, http.StatusCreated)
			if g.RefreshExpiresIn != tt.redeem {
				t.Errorf("redeemed: %d, want %d", g.RefreshExpiresIn, tt.redeem)
			}
			f.advance(time.Minute)
			if g = f.refresh(g.RefreshToken).grant(t, http.StatusOK); g.RefreshExpiresIn != tt.after {
				t.Errorf("refreshed: %d, want %d", g.RefreshExpiresIn, tt.after)
			}
		})
	}
}

// TestDeletedAuthToken: the administrator's delete ends refreshing in each
// mode, gives no count back, and leaves other auth tokens alone.
func TestDeletedAuthToken(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(2)
	gone := f.redeem(token, "a").grant(t, http.StatusCreated)
	stays := f.redeem(token, "b").grant(t, http.StatusCreated)
	f.call("DELETE", "/authTokens/"+gone.ID, f.admin(), "").want(t, http.StatusNoContent)

	if r := f.refresh(gone.RefreshToken); r.status != http.StatusBadRequest || r.code() != "invalid_grant" {
		t.Errorf("mode oidc: %d %s, want 400 invalid_grant", r.status, r.body)
	}
	f.call("PATCH", "/authTokens/"+gone.ID, "Bearer "+gone.RefreshToken, "").want(t, http.StatusUnauthorized)
	f.call("PATCH", "/authTokens/"+gone.ID, "Basic "+token, "").want(t, http.StatusNotFound)
	f.refresh(stays.RefreshToken).want(t, http.StatusOK)
	f.redeem(token, "c").want(t, http.StatusBadRequest)
}

// TestRefreshByRegistrationToken: mode tms in its other variant goes on after
// the registration token is used up and expired.
func TestRefreshByRegistrationToken(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(1)
	g := f.redeem(token, "a").grant(t, http.StatusCreated)
	f.advance(60 * 24 * time.Hour)
	next := f.call("PATCH", "/authTokens/"+g.ID, "Basic "+token, "").grant(t, http.StatusOK)
	f.refresh(next.RefreshToken).want(t, http.StatusOK)

	other := f.issue(1)
	f.call("PATCH", "/authTokens/"+g.ID, "Basic "+other, "").want(t, http.StatusNotFound)
}

// TestRefreshTokenIsBound: to its auth token and to its client.
func TestRefreshTokenIsBound(t *testing.T) {
	f := newFixture(t, emulator.Knobs{})
	token := f.issue(2)
	a := f.redeem(token, "a").grant(t, http.StatusCreated)
	b := f.redeem(token, "b").grant(t, http.StatusCreated)
	f.call("PATCH", "/authTokens/"+a.ID, "Bearer "+b.RefreshToken, "").want(t, http.StatusUnauthorized)
	r := f.form("grant_type", "refresh_token", "refresh_token", a.RefreshToken,
		"client_id", "ems-admin-client", "client_secret", f.Credentials().ClientSecret)
	r.want(t, http.StatusBadRequest)
	// Neither was a use.
	f.refresh(a.RefreshToken).want(t, http.StatusOK)
	f.refresh(b.RefreshToken).want(t, http.StatusOK)
}

// TestAdministratorsRefresh: an administrator may refresh too, for half an
// hour, which counts as no refresh of an auth token.
func TestAdministratorsRefresh(t *testing.T) {
	f := newFixture(t, emulator.Knobs{RefreshLifetime: time.Second})
	login := f.form("grant_type", "password", "client_id", client,
		"username", "admin", "password", f.Credentials().Password).grant(t, http.StatusOK)
	f.advance(29 * time.Minute)
	f.call("GET", "/authTokens", "Bearer "+login.AccessToken, "").want(t, http.StatusUnauthorized)
	next := f.refresh(login.RefreshToken).grant(t, http.StatusOK)
	f.call("GET", "/authTokens", "Bearer "+next.AccessToken, "").want(t, http.StatusOK)
	if got := f.State().Refreshed; got != 0 {
		t.Errorf("%d refreshes of auth tokens, want 0", got)
	}
	f.advance(30 * time.Minute)
	f.refresh(next.RefreshToken).want(t, http.StatusBadRequest)
}

// TestReuseByCount: a refresh token may come again so often, as in Keycloak. Each
// time its earlier successor is good no more, and using that one, or the old one
// too often, ends the family.
func TestReuseByCount(t *testing.T) {
	f := newFixture(t, emulator.Knobs{MaxReuse: 1})
	open := func() string { return f.redeem(f.issue(1), "a").grant(t, http.StatusCreated).RefreshToken }
	refresh := func(token string) string { return f.refresh(token).grant(t, http.StatusOK).RefreshToken }

	first := open()
	lost := refresh(first)
	second := refresh(first)
	if lost == second {
		t.Error("the same successor came twice")
	}
	third := refresh(second)
	if r := f.refresh(first); r.status != http.StatusBadRequest {
		t.Errorf("one that is older than the last: %d", r.status)
	}
	f.refresh(third).want(t, http.StatusBadRequest) // the family has ended

	first = open()
	lost = refresh(first)
	refresh(first)
	f.refresh(lost).want(t, http.StatusBadRequest)

	first = open()
	refresh(first)
	refresh(first)
	f.refresh(first).want(t, http.StatusBadRequest)
}

// TestAccessEndsWithTheSession: Keycloak gives no access token for longer.
func TestAccessEndsWithTheSession(t *testing.T) {
	f := newFixture(t, emulator.Knobs{SessionLifetime: time.Minute})
	g := f.redeem(f.issue(1), "a").grant(t, http.StatusCreated)
	if g.ExpiresIn != 60 {
		t.Errorf("expires in %d s, want 60", g.ExpiresIn)
	}
	f.advance(50 * time.Second)
	if g = f.refresh(g.RefreshToken).grant(t, http.StatusOK); g.ExpiresIn != 10 {
		t.Errorf("expires in %d s, want 10", g.ExpiresIn)
	}
}
