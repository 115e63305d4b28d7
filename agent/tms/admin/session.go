package admin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"regent/agent/tms"
	"regent/agent/token"
)

// renewBefore is how long before its end an access token is renewed: longer than a
// request and the difference of two clocks within one answer.
const renewBefore = 15 * time.Second

// Bearer is a login that was granted. Who keeps it keeps secrets.
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

// Resume goes on with a login that was kept. Once that is good no more, who is
// asked for credentials, at most once; what it returns as error comes back as it
// is. Nothing is sent yet.
func (c *Client) Resume(b Bearer, who func() (Credentials, error)) *Session {
	return &Session{Client: c, bearer: b, credentials: sync.OnceValues(who)}
}

// Session is a logged-in administrator. It renews its access token before it
// ends, and once more if the service says 401, which means that nothing was
// done. It is safe for concurrent use.
type Session struct {
	*Client
	credentials func() (Credentials, error)

	mu     sync.Mutex // held over a renewal: one is enough for all
	bearer Bearer

	seenMu sync.Mutex
	seen   []token.Secret // registration tokens that the service showed, the newest last
}

// maxSeen bounds the registration tokens that a session remembers.
const maxSeen = 256

// remember keeps a registration token that the service showed, if it is one of a user
// and a password, so that no later text of the service shows it. It redacts the texts
// of r.
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

// Bearer is the login as it stands now, to be kept for [Client.Resume].
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

// access returns an access token that is good for a while, or, after one was refused,
// another one.
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

// renew uses the refresh token and, where there is none or it is refused, logs
// in anew. s.mu is held.
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
	granted, err := s.tms.Grant(ctx, "log in", provider, who.form())
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

// show asks for the one thing of an id.
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
