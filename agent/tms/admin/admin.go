// Package admin is the Contact Administrator's client of the Token Management Service.
//
// It creates, changes, lists and deletes registration tokens, and lists and deletes
// the auth tokens of devices. It knows neither the agent nor its files, and shows
// nothing.
package admin

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regent/agent/tms"
	"regent/agent/token"
)

// Client speaks to one tenant. It is safe for concurrent use.
// Errors of its methods and of a Session's are *[tms.Failure], where not said
// otherwise.
type Client struct {
	tms *tms.Client

	ours func() time.Time
	off  atomic.Int64 // the service's clock less ours, in nanoseconds

	// The form of bodies: the configured or proven one, or tms.Auto if there is none.
	form atomic.Pointer[string]
}

// New returns a client. It sends nothing yet.
func New(o tms.Options) (*Client, error) {
	c := &Client{ours: o.Now}
	form := cmp.Or(o.Forms.Request, tms.Auto)
	c.form.Store(&form)
	o.Observe = c.observe
	var err error
	c.tms, err = tms.New(o)
	return c, err
}

// Host is the tenant's, for messages.
func (c *Client) Host() string { return c.tms.Host() }

// Close gives up idle connections.
func (c *Client) Close() { c.tms.Close() }

// Now is the service's time: ours, put right by the Date of the last answer. It
// is ours alone as long as none came.
func (c *Client) Now() time.Time { return c.ours().Add(time.Duration(c.off.Load())) }

// tolerance is the largest difference of two clocks that is not corrected: a Date has whole
// seconds, and an answer takes some time.
const tolerance = 2 * time.Second

func (c *Client) observe(date time.Time) {
	off := date.Sub(c.ours())
	if off.Abs() <= tolerance {
		off = 0
	}
	c.off.Store(int64(off))
}

// BodyForm returns the configured or proven form of bodies: tms.Wrapped or tms.Bare, or
// tms.Auto if there is none.
func (c *Client) BodyForm() string { return *c.form.Load() }

// Credentials are who an administrator is: [Password] or [ClientCredentials]. They are the
// form of a login.
type Credentials []tms.Pair

// Password is a user's.
func Password(user string, password token.Secret) Credentials {
	return Credentials{
		{Name: "grant_type", Value: "password"},
		{Name: "username", Value: user},
		{Name: "password", Secret: password},
	}
}

// ClientCredentials are a client's of its own, as newer tenants have them.
func ClientCredentials(id string, secret token.Secret) Credentials {
	return Credentials{
		{Name: "grant_type", Value: "client_credentials"},
		{Name: "client_id", Value: id},
		{Name: "client_secret", Secret: secret},
	}
}

// renewBefore is how long before its end an access token is renewed: longer than a
// request and the difference of two clocks within one answer.
const renewBefore = 15 * time.Second

// Bearer is a granted login. It contains secrets.
type Bearer struct {
	Access   token.Secret
	Refresh  token.Secret // zero if the grant gives none
	Expires  time.Time    // of the access token, by the service's clock
	Provider tms.Provider // where it was granted, and is renewed
}

// Login finds out where tokens are issued and gets one for the administrator.
func (c *Client) Login(ctx context.Context, who Credentials) (*Session, error) {
	s := c.Resume(Bearer{}, func() (Credentials, error) { return who, nil })
	return s, s.Confirm(ctx)
}

// Resume continues a stored login. When that is no longer valid, who is asked for
// credentials, at most once. An error of who is returned unchanged. Resume sends nothing.
func (c *Client) Resume(b Bearer, who func() (Credentials, error)) *Session {
	return &Session{Client: c, bearer: b, credentials: sync.OnceValues(who)}
}

// Session is a logged-in administrator. It renews its access token before it ends, and once
// more after a 401, which means that nothing was done. It is safe for concurrent use.
type Session struct {
	*Client
	credentials func() (Credentials, error)

	mu     sync.Mutex // held over a renewal: one is enough for all
	bearer Bearer

	seenMu sync.Mutex
	seen   []token.Secret // registration tokens that the service showed, the newest last
}

// maxSeen is the largest number of registration tokens that a session remembers.
const maxSeen = 256

// remember keeps a registration token that the service showed, if it decodes to
// user:password. So no later text of the service shows it. It redacts the texts of r.
func (s *Session) remember(r RegistrationToken) RegistrationToken {
	s.seenMu.Lock()
	defer s.seenMu.Unlock()
	if token.FormatWarning(r.Token) == "" && !slices.ContainsFunc(s.seen, r.Token.Equal) {
		s.seen = append(s.seen[max(0, len(s.seen)+1-maxSeen):], r.Token)
	}
	if r.State != StateEnabled && r.State != StateDisabled { // a word of the service's own
		r.Status = tms.Redact(r.Status, s.seen...)
	}
	if r.Flaw != "" {
		r.Flaw = tms.Redact(r.Flaw, s.seen...)
	}
	return r
}

// known returns the registration tokens that the service showed.
func (s *Session) known() []token.Secret {
	s.seenMu.Lock()
	defer s.seenMu.Unlock()
	return slices.Clone(s.seen)
}

// Bearer returns the present login, for [Client.Resume].
func (s *Session) Bearer() Bearer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bearer
}

// Confirm makes sure that there is a login that the service granted within the
// life of an access token, and logs in if there is not.
func (s *Session) Confirm(ctx context.Context) error {
	_, err := s.access(ctx, token.Secret{})
	return err
}

// do makes a call as the administrator.
func (s *Session) do(ctx context.Context, call tms.Call) error {
	access, err := s.access(ctx, token.Secret{})
	if err != nil {
		return err
	}
	call.Scheme, call.Secret, call.Known = "Bearer", access, s.known()
	err = s.tms.Do(ctx, call)
	f, ok := errors.AsType[*tms.Failure](err)
	if !ok || f.Reach != tms.Answered || f.Status != http.StatusUnauthorized {
		return err
	}
	if (call.Method == http.MethodPost || call.Method == http.MethodPatch) && !f.ServiceShape && !f.Challenge {
		return err // something before the service may say so after the service has done it
	}
	if call.Secret, err = s.access(ctx, access); err != nil {
		return err
	}
	return s.tms.Do(ctx, call)
}

// access returns a valid access token, or another one after one was refused.
func (s *Session) access(ctx context.Context, refused token.Secret) (_ token.Secret, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	good := !s.bearer.Access.Equal(refused) // somebody renewed it meanwhile
	if refused.IsZero() {
		good = !s.bearer.Access.IsZero() && s.Now().Add(renewBefore).Before(s.bearer.Expires)
	}
	if !good {
		err = s.renew(ctx)
	}
	return s.bearer.Access, err
}

// renew uses the refresh token. If there is none or it is refused, renew logs in again.
// s.mu is held.
func (s *Session) renew(ctx context.Context) error {
	if s.bearer.Refresh.IsZero() {
		return s.grant(ctx)
	}
	granted, err := s.tms.Grant(ctx, "log in again", s.bearer.Provider, []tms.Pair{
		{Name: "grant_type", Value: "refresh_token"},
		{Name: "refresh_token", Secret: s.bearer.Refresh},
	})
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Reach == tms.Answered && f.Status/100 == 4 && !f.HasRetryAfter {
		return s.grant(ctx)
	}
	if err != nil {
		return err
	}
	s.keep(granted)
	return nil
}

// grant logs in with credentials. s.mu is held.
func (s *Session) grant(ctx context.Context) error {
	who, err := s.credentials()
	if err != nil {
		return err
	}
	provider, err := s.tms.Discover(ctx)
	if err != nil {
		return err
	}
	granted, err := s.tms.Grant(ctx, "log in", provider, who)
	if err != nil {
		return err
	}
	s.bearer = Bearer{Provider: provider}
	s.keep(granted)
	return nil
}

func (s *Session) keep(granted tms.AuthToken) {
	s.bearer.Access, s.bearer.Expires = granted.Access, s.Now().Add(granted.TTL)
	if !granted.Refresh.IsZero() {
		s.bearer.Refresh = granted.Refresh
	}
}

// show asks for one object by its id.
func (s *Session) show(ctx context.Context, thing, path, id string, read func(tms.Answer) error) error {
	return s.do(ctx, tms.Call{Op: "show " + thing, Method: http.MethodGet, Path: path + "/" + url.PathEscape(id), Read: read})
}

func (s *Session) remove(ctx context.Context, thing, path, id string) error {
	op := "delete " + thing
	if id == "" { // all of them have the address without an id
		return &tms.Failure{Op: op, Host: s.tms.Host(), Reach: tms.NotSent, Refused: true, Err: errors.New("the service shows no id for it")}
	}
	return s.do(ctx, tms.Call{Op: op, Method: http.MethodDelete, Path: path + "/" + url.PathEscape(id)})
}
