// Package admin is the Contact Administrator's client of the Token Management Service.
//
// It creates, changes, lists and deletes registration tokens, and lists and deletes
// the auth tokens of devices. It knows neither the agent nor its files, and shows
// nothing.
package admin

import (
	"cmp"
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

	// The form of bodies: the one that is set or was proven, or tms.Auto as long as none is.
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

// tolerance is the difference of two clocks that is not worth correcting: a Date has
// whole seconds, and an answer takes its time.
const tolerance = 2 * time.Second

func (c *Client) observe(date time.Time) {
	off := date.Sub(c.ours())
	if off.Abs() <= tolerance {
		off = 0
	}
	c.off.Store(int64(off))
}

// BodyForm is the form of bodies that is set or was proven: tms.Wrapped or tms.Bare,
// or tms.Auto as long as none is.
func (c *Client) BodyForm() string { return *c.form.Load() }

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
