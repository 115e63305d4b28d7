// Package admin is the Contact Administrator's client of the Token Management Service.
//
// It creates, changes, lists and deletes registration tokens, and lists and deletes
// the auth tokens of devices. It knows neither the agent nor its files, and shows
// nothing.
package admin

import (
	"time"

	"regent/agent/tms"
	"regent/agent/token"
)

// Client speaks to one tenant. It is safe for concurrent use.
// Errors of its methods and of a Session's are *[tms.Failure], where not said
// otherwise.
type Client struct {
	tms     *tms.Client
	clock   *serviceClock
	writing *bodyForm
}

// New returns a client. It sends nothing yet.
func New(o tms.Options) (*Client, error) {
	clock := &serviceClock{ours: o.Now}
	observe := o.Observe
	o.Observe = func(date time.Time) {
		clock.observe(date)
		if observe != nil {
			observe(date)
		}
	}
	c, err := tms.New(o)
	if err != nil {
		return nil, err
	}
	form := o.Forms.Request
	if form == "" {
		form = tms.Auto
	}
	return &Client{c, clock, &bodyForm{form: form}}, nil
}

// Host is the tenant's, for messages.
func (c *Client) Host() string { return c.tms.Host() }

// Close gives up idle connections.
func (c *Client) Close() { c.tms.Close() }

// Now is the service's time: ours, put right by the Date of the last answer. It
// is ours alone as long as none came.
func (c *Client) Now() time.Time { return c.clock.now() }

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
