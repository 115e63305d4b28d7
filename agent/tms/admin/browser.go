package admin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"

	"regent/agent/tms"
	"regent/agent/token"
)

// Browser is how a person logs in with a browser: by an authorization code with PKCE,
// which comes back to a port of this computer (RFC 7636, RFC 8252).
type Browser struct {
	Issuer   string            // of a tenant with an identity provider of its own; "" for the tenant's Keycloak
	ClientID string            // "" for the one that the tenant names
	Scopes   []string          // of the request; none is the provider's default
	Show     func(page string) // shows the person the page where to log in
	Timeout  time.Duration     // how long the person has
}

// ErrBrowser means that a login by browser has ended.
var ErrBrowser = errors.New("the login by browser has ended")

// lastPage is how long the browser has to fetch the page that says that all is done.
const lastPage = 10 * time.Second

// LoginByBrowser logs a person in with a browser. One answer of it is taken.
func (c *Client) LoginByBrowser(ctx context.Context, b Browser) (*Session, error) {
	server, err := c.tms.AuthorizationServer(ctx, b.Issuer, b.ClientID)
	if err != nil {
		return nil, err
	}
	back, err := openCallback(ctx, server.Issuer)
	if err != nil {
		return nil, err
	}
	defer back.close(ctx)
	verifier := oauth2.GenerateVerifier()
	o := oauth2.Config{
		ClientID: server.Provider.ClientID, Scopes: b.Scopes, RedirectURL: "http://" + back.host + pathBack,
		Endpoint: oauth2.Endpoint{AuthURL: server.Page},
	}
	b.Show(o.AuthCodeURL(back.state, oauth2.S256ChallengeOption(verifier)))
	code, err := back.wait(ctx, b.Timeout)
	if err != nil {
		return nil, err
	}
	granted, err := c.tms.Grant(ctx, "log in with a browser", server.Provider, []tms.Pair{
		{Name: "grant_type", Value: "authorization_code"},
		{Name: "code", Secret: code},
		{Name: "redirect_uri", Value: o.RedirectURL},
		{Name: "code_verifier", Secret: token.NewSecret(verifier)},
	})
	if err != nil {
		return nil, err
	}
	s := c.Resume(Bearer{Provider: server.Provider}, func() (Credentials, error) { return nil, ErrBrowser })
	s.keep(granted)
	return s, nil
}

// The paths to which a browser comes back. The second holds no code, so that none
// stays in the browser's address bar.
const (
	pathBack = "/regent"
	pathDone = "/regent/done"
)

// browserAnswer is the answer of the browser: a code, or why there is none.
type browserAnswer struct {
	code token.Secret
	err  error
}

// callback takes the first answer that has the right state, and no other.
type callback struct {
	host, state, issuer string

	server *http.Server
	answer chan browserAnswer // holds one
	done   chan struct{}      // closed once the last page was sent

	taken atomic.Bool
	shown sync.Once
}

// openCallback opens a port of this computer for the answer.
func openCallback(ctx context.Context, issuer string) (*callback, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("log in with a browser: open a port for its answer: %w", err)
	}
	b := &callback{
		host: l.Addr().String(), state: rand.Text(), issuer: issuer,
		answer: make(chan browserAnswer, 1), done: make(chan struct{}),
	}
	b.server = &http.Server{Handler: b, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = b.server.Serve(l) }() // it ends with close
	return b, nil
}

// close closes the port. After an answer the browser still has [lastPage] to fetch the
// last page, also when the login failed.
func (b *callback) close(ctx context.Context) {
	if b.taken.Load() {
		select {
		case <-b.done:
		case <-time.After(lastPage):
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPage)
	defer cancel()
	_ = b.server.Shutdown(ctx) // sends started replies to their end
	_ = b.server.Close()
}

// wait returns the code.
func (b *callback) wait(ctx context.Context, patience time.Duration) (token.Secret, error) {
	late := fmt.Errorf("log in with a browser: no reply within %s", patience)
	ctx, cancel := context.WithTimeoutCause(ctx, patience, late)
	defer cancel()
	select {
	case a := <-b.answer:
		return a.code, a.err
	case <-ctx.Done():
		return token.Secret{}, context.Cause(ctx)
	}
}

// ServeHTTP implements [http.Handler].
func (b *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, value := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'", "Content-Type": "text/plain; charset=utf-8", "Connection": "close",
	} {
		w.Header().Set(name, value)
	}
	switch {
	case r.Host != b.host: // a page elsewhere, by a name that it gave this address
		http.Error(w, "not here", http.StatusMisdirectedRequest)
	case r.Method != http.MethodGet:
		http.Error(w, "GET only", http.StatusMethodNotAllowed)
	case r.URL.Path == pathDone:
		_, _ = io.WriteString(w, "tmsctl received the reply. You can close this page. See the terminal for the result.\n") // nobody left to tell
		b.shown.Do(func() { close(b.done) })
	case r.URL.Path != pathBack:
		http.NotFound(w, r)
	default:
		b.take(w, r)
	}
}

// take takes the answer, if it is ours and the first one.
func (b *callback) take(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(b.state)) != 1 {
		http.Error(w, "This is not the expected reply.", http.StatusBadRequest)
		return
	}
	if !b.taken.CompareAndSwap(false, true) {
		http.Error(w, "tmsctl already received a reply.", http.StatusBadRequest)
		return
	}
	a := browserAnswer{code: token.NewSecret(q.Get("code"))}
	switch {
	case q.Get("error") != "":
		a = browserAnswer{err: fmt.Errorf("log in with a browser: the identity provider refused: %.100s %.300s", q.Get("error"), q.Get("error_description"))}
	case b.issuer != "" && q.Has("iss") && q.Get("iss") != b.issuer: // RFC 9207
		a = browserAnswer{err: errors.New("log in with a browser: the reply is from another identity provider")}
	case a.code.IsZero():
		a = browserAnswer{err: errors.New("log in with a browser: the reply has no code")}
	}
	b.answer <- a
	w.Header().Set("Location", pathDone)
	w.WriteHeader(http.StatusSeeOther)
}
