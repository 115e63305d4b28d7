package admin

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"regent/agent/tms"
)

const (
	pathClients = "/clients" // O
	wrapClient  = "client"   // F
)

// OAuthClient is a client of the tenant that can log in by itself. Its secret is never
// read. A: the names of its members.
type OAuthClient struct {
	ID       string // the service's name of it; "" in a list that does not tell it
	ClientID string // by which it logs in
	Name     string
	State    State
	Status   string    // the service's word for State
	Created  time.Time // zero if not known; see [HasZone]
}

// OAuthClients returns all clients of the tenant.
func (s *Session) OAuthClients(ctx context.Context) ([]OAuthClient, error) {
	return listing[OAuthClient]{"list clients", pathClients, listOf("clients", wrapClient), clientIn}.all(ctx, s, url.Values{})
}

// OAuthClient returns the one of that id.
func (s *Session) OAuthClient(ctx context.Context, id string) (c OAuthClient, err error) {
	err = s.show(ctx, "client", pathClients, id, func(a tms.Answer) error {
		o, err := tms.ParseReply(a.Body, wrapClient)
		if c = clientIn(o); err == nil && c.ID == "" {
			err = errors.New("no id")
		}
		return err
	})
	return c, err
}

func clientIn(o tms.Object) OAuthClient {
	c := OAuthClient{
		ID:       cmp.Or(o.ID("id"), o.ID("clientId")),
		ClientID: o.ID("clientId"),
		Name:     o.Text("name", "identifier", "clientName"),
		Created:  tms.ParseTime(o.Text("creationDate")),
	}
	c.State, _, c.Status = stateOf(o)
	switch word := string(o.Member("enabled")); { // A: or Keycloak's member
	case c.State != StateMissing:
	case word == "true" || word == "false":
		c.State, c.Status = StateIf(word == "true"), word
	}
	return c
}
