package admin_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/token"
)

// login is a service that grants logins, and counts them by kind.
type login struct {
	passwords, refreshes atomic.Int32
	refuseRefresh        atomic.Bool
	bad                  atomic.Value // an access token that is answered 401
	date                 atomic.Int64 // seconds, of the service's clock; 0 shows ours
}

func (l *login) serve(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/api/v5/idpConfigurations", func(w http.ResponseWriter, r *http.Request) {
		l.stamp(w)
		fmt.Fprintf(w, `{"tokenEndpoint":"http://%s/auth/","realm":"ems"}`, r.Host)
	})
	mux.HandleFunc("POST /auth/realms/ems/protocol/openid-connect/token", func(w http.ResponseWriter, r *http.Request) {
		l.stamp(w)
		kind := &l.passwords
		if r.FormValue("grant_type") == "refresh_token" {
			if l.refuseRefresh.Load() {
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, `{"error":"invalid_grant"}`)
				return
			}
			kind = &l.refreshes
		}
		n := kind.Add(1)
		fmt.Fprintf(w, `{"access_token":"%s-%d","refresh_token":"r","expires_in":300}`, r.FormValue("grant_type"), n)
	})
	mux.HandleFunc("/token/api/v5/authTokens", func(w http.ResponseWriter, r *http.Request) {
		l.stamp(w)
		if r.Header.Get("Authorization") == l.bad.Load() {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"errorCode":"UNAUTHORIZED"}`)
			return
		}
		fmt.Fprint(w, `{"authTokens":[]}`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func (l *login) stamp(w http.ResponseWriter) {
	w.Header()["Date"] = nil
	if at := l.date.Load(); at != 0 {
		w.Header().Set("Date", time.Unix(at, 0).UTC().Format(http.TimeFormat))
	}
}

// TestSessionOutlivesItsAccessToken: long work is not cut off by the end of a
// login, and who is logged in is asked for no password again.
func TestSessionOutlivesItsAccessToken(t *testing.T) {
	at := now
	l := &login{}
	c, err := admin.New(tms.Options{Tenant: l.serve(t), Proxy: "none", Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Login(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	list := func(wantPasswords, wantRefreshes int32) {
		t.Helper()
		if _, err := session.AuthTokens(t.Context(), admin.AuthFilter{}); err != nil {
			t.Fatal(err)
		}
		if p, r := l.passwords.Load(), l.refreshes.Load(); p != wantPasswords || r != wantRefreshes {
			t.Errorf("%d logins and %d refreshes, want %d and %d", p, r, wantPasswords, wantRefreshes)
		}
	}
	list(1, 0)
	at = at.Add(4 * time.Minute)
	list(1, 0)
	at = at.Add(time.Minute) // its end
	list(1, 1)
	l.bad.Store("Bearer refresh_token-1") // withdrawn before its end
	list(1, 2)
	l.refuseRefresh.Store(true)
	at = at.Add(time.Hour) // the session of the identity provider has ended
	list(2, 2)
}

// TestResume: a login that was kept is used, and only when it is good no more is
// somebody asked, once.
func TestResume(t *testing.T) {
	l := &login{}
	c, err := admin.New(tms.Options{Tenant: l.serve(t), Proxy: "none", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first, err := c.Login(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	nobody := errors.New("nobody is there")
	who := func() (admin.Credentials, error) { asked++; return nil, nobody }
	resumed := c.Resume(first.Bearer(), who)
	if _, err := resumed.AuthTokens(t.Context(), admin.AuthFilter{}); err != nil || asked != 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	ended := c.Resume(admin.Bearer{Access: token.NewSecret("old"), Expires: now}, who)
	for range 2 {
		if _, err := ended.AuthTokens(t.Context(), admin.AuthFilter{}); !errors.Is(err, nobody) {
			t.Errorf("got %v, want what who said", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

// TestRefusedTwice: what the service refuses with a new login, too, is refused.
func TestRefusedTwice(t *testing.T) {
	l := &login{}
	c, err := admin.New(tms.Options{Tenant: l.serve(t), Proxy: "none", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	session, err := c.Login(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	l.bad.Store("Bearer password-1")
	l.refuseRefresh.Store(true)
	if _, err := session.AuthTokens(t.Context(), admin.AuthFilter{}); err != nil { // a second login is accepted
		t.Error(err)
	}
	l.bad.Store("Bearer password-2")
	l.refuseRefresh.Store(false)
	if _, err := session.AuthTokens(t.Context(), admin.AuthFilter{}); err != nil { // and so is a refresh
		t.Error(err)
	}
	if got := l.passwords.Load(); got != 2 {
		t.Errorf("%d logins, want 2", got)
	}
}

// TestNow: what has expired is decided by the service's clock, not by a laptop's.
func TestNow(t *testing.T) {
	l := &login{}
	c, err := admin.New(tms.Options{Tenant: l.serve(t), Proxy: "none", Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, off := range []time.Duration{0, time.Second, -3 * 24 * time.Hour, 24 * time.Hour} {
		l.date.Store(now.Add(off).Unix())
		session, err := c.Login(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		want := now.Add(off)
		if off.Abs() <= 2*time.Second {
			want = now // the Date has whole seconds, and an answer takes its time
		}
		if got := session.Now(); !got.Equal(want) {
			t.Errorf("service %v off: it is %v, want %v", off, got, want)
		}
	}
}
