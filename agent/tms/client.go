package tms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/hashicorp/go-retryablehttp"

	"regent/agent/token"
)

// Client speaks to one tenant. It is safe for concurrent use.
// Every error of its methods is a *[Failure].
type Client struct {
	o         Options
	tenant    *url.URL
	repeating *retryablehttp.Client // for reads
	once      *retryablehttp.Client // for all else
}

// New returns a client. It sends nothing yet.
func New(o Options) (*Client, error) {
	o, err := o.settled()
	if err != nil {
		return nil, err
	}
	tenant, err := tenantURL(o.Tenant)
	if err != nil {
		return nil, err
	}
	transport, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	c := &Client{o: o, tenant: tenant}
	c.repeating, c.once = clients(transport, o.Now, c.observe)
	return c, nil
}

// Host is the tenant's, with its port if it has one: for messages.
func (c *Client) Host() string { return c.tenant.Host }

// Close gives up idle connections. Calls under way are not disturbed.
func (c *Client) Close() {
	c.repeating.HTTPClient.CloseIdleConnections()
	c.once.HTTPClient.CloseIdleConnections()
}

func (c *Client) observe(answer *http.Response) {
	if date, ok := serverDate(answer.Header); ok {
		c.o.Observe(date)
	}
}

// Discover asks where this tenant's tokens are issued. It is repeated a few
// times within the timeout, if nothing was sent or the service was busy.
func (c *Client) Discover(ctx context.Context) (Provider, error) {
	var p Provider
	err := c.Do(ctx, Call{Op: "discover", Method: http.MethodGet, Path: pathIDP, Read: func(a Answer) (err error) {
		if p, err = providerOf(a.Body); err != nil {
			return err
		}
		_, err = endpointURL(p.TokenEndpoint, c.tenant)
		return err
	}})
	if err != nil {
		return Provider{}, err
	}
	return p, nil
}

// Redeem exchanges one count of a registration token for an auth token, with
// one POST. A failure that is Lost may have used the count.
func (c *Client) Redeem(ctx context.Context, registration token.Secret, r Request) (AuthToken, error) {
	const op = "redeem"
	if r.Identifier == "" {
		return AuthToken{}, c.refused(op, errors.New("the request has no identifier"))
	}
	return c.authToken(ctx, Call{
		Op: op, Method: http.MethodPost, Path: pathAuth,
		Scheme: registrationScheme, Secret: registration,
		JSON: redeemBody{r.Identifier, r.FQDN, r.UserName, r.MAC, r.RefID1, r.RefID2},
	})
}

// Refresh exchanges a refresh token for a new access token, with one request.
// A failure that is Lost may have used the refresh token up.
func (c *Client) Refresh(ctx context.Context, r RefreshRequest) (AuthToken, error) {
	const op = "refresh"
	if c.o.Mode == ModeTMS {
		if r.AuthTokenID == "" {
			return AuthToken{}, c.refused(op, errors.New("the auth token has no id, which mode tms needs"))
		}
		call := Call{Op: op, Method: http.MethodPatch, Path: pathAuth + "/" + url.PathEscape(r.AuthTokenID)}
		call.Scheme, call.Secret = bearerScheme, r.Refresh
		if !r.Registration.IsZero() {
			call.Scheme, call.Secret = registrationScheme, r.Registration
		}
		return c.authToken(ctx, call)
	}
	if r.Refresh.IsZero() {
		return AuthToken{}, c.refused(op, errors.New("there is no refresh token"))
	}
	form := []Pair{
		{Name: "grant_type", Value: "refresh_token"},
		{Name: "refresh_token", Secret: r.Refresh},
	}
	return c.Grant(ctx, op, r.Provider, form)
}

// Grant asks the provider's token endpoint for a token. form is what the grant
// needs; the client's id is added if it does not name one. It is for Refresh and
// for the packages below this one.
func (c *Client) Grant(ctx context.Context, op string, p Provider, form []Pair) (AuthToken, error) {
	if _, err := endpointURL(p.TokenEndpoint, c.tenant); err != nil {
		return AuthToken{}, c.refused(op, err)
	}
	if !slices.ContainsFunc(form, func(f Pair) bool { return f.Name == "client_id" }) {
		form = append(form, Pair{Name: "client_id", Value: p.ClientID})
	}
	return c.authToken(ctx, Call{Op: op, Method: http.MethodPost, URL: tokenURL(p), Form: form})
}

func (c *Client) authToken(ctx context.Context, call Call) (AuthToken, error) {
	var t AuthToken
	call.Read = func(a Answer) (err error) {
		t, err = authTokenOf(a.Body, a.Date)
		return err
	}
	if err := c.Do(ctx, call); err != nil {
		return AuthToken{}, err
	}
	return t, nil
}

// refused is a failure found before anything was sent.
func (c *Client) refused(op string, err error) *Failure {
	return &Failure{Op: op, Host: c.tenant.Host, Reach: NotSent, Err: fmt.Errorf("refused here: %w", err)}
}
