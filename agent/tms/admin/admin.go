// Package admin speaks to the Token Management Service as a Contact
// Administrator does: it makes, lists and deletes registration tokens, and lists
// and deletes the auth tokens that devices got for them. It must not know of the
// agent, of its files, or of how its answers are shown.
package admin

import (
	"context"
	"net/http"

	"regent/agent/tms"
	"regent/agent/token"
)

// Client speaks to one tenant. It is safe for concurrent use.
// Errors of its methods and of a Session's are *[tms.Failure], where not said
// otherwise.
type Client struct{ tms *tms.Client }

// New returns a client. It sends nothing yet.
func New(o tms.Options) (*Client, error) {
	c, err := tms.New(o)
	if err != nil {
		return nil, err
	}
	return &Client{c}, nil
}

// Host is the tenant's, for messages.
func (c *Client) Host() string { return c.tms.Host() }

// Close gives up idle connections.
func (c *Client) Close() { c.tms.Close() }

// Credentials are who an administrator is: [Password] or [ClientCredentials].
type Credentials interface{ form() []tms.Pair }

// Password is a user's.
type Password struct {
	User     string
	Password token.Secret
}

var _ Credentials = Password{}

func (p Password) form() []tms.Pair {
	return []tms.Pair{
		{Name: "grant_type", Value: "password"},
		{Name: "username", Value: p.User},
		{Name: "password", Secret: p.Password},
	}
}

// ClientCredentials are a client's of its own, as newer tenants have them.
type ClientCredentials struct {
	ID     string
	Secret token.Secret
}

var _ Credentials = ClientCredentials{}

func (c ClientCredentials) form() []tms.Pair {
	return []tms.Pair{
		{Name: "grant_type", Value: "client_credentials"},
		{Name: "client_id", Value: c.ID},
		{Name: "client_secret", Secret: c.Secret},
	}
}

// Login finds out where tokens are issued and gets one for the administrator.
func (c *Client) Login(ctx context.Context, who Credentials) (*Session, error) {
	provider, err := c.tms.Discover(ctx)
	if err != nil {
		return nil, err
	}
	granted, err := c.tms.Grant(ctx, "log in", provider, who.form())
	if err != nil {
		return nil, err
	}
	return &Session{c.tms, granted.Access}, nil
}

// Session is a logged-in administrator, for as long as the access token is good,
// which is minutes: it is not refreshed. It is safe for concurrent use.
type Session struct {
	tms    *tms.Client
	access token.Secret
}

// do makes a call as the administrator.
func (s *Session) do(ctx context.Context, call tms.Call) error {
	call.Scheme, call.Secret = "Bearer", s.access
	return s.tms.Do(ctx, call)
}

func (s *Session) remove(ctx context.Context, op, path string) error {
	return s.do(ctx, tms.Call{Op: op, Method: http.MethodDelete, Path: path})
}
