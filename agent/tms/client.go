package tms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"github.com/hashicorp/go-retryablehttp"

	"regent/agent/token"
)

// Client speaks to one tenant. It is safe for concurrent use.
// Every error of its methods is a *[Failure].
type Client struct {
	o        Options
	tenant   *url.URL
	proxy    string                // host and port of the tenant's; "" for none
	retrying *retryablehttp.Client // for reads
	once     *retryablehttp.Client // for all else
	unfit    sync.Once             // for compare
}

// New returns a client. It sends nothing yet.
func New(o Options) (*Client, error) {
	o, err := o.withDefaults()
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
	if transport.Proxy != nil { // find a mistake in the environment once, not with each request
		proxy, err := transport.Proxy(&http.Request{URL: tenant})
		if err != nil {
			return nil, fmt.Errorf("tms: %w", err)
		}
		if proxy != nil {
			c.proxy = proxy.Host
		}
	}
	c.retrying, c.once = newHTTPClients(transport, o.Now, c.observe)
	return c, nil
}

// Host is the tenant's, with its port if it has one: for messages.
func (c *Client) Host() string { return c.tenant.Host }

// Path is where the service is asked, below the host.
func (c *Client) Path() string { return c.o.Forms.Path }

// Close gives up idle connections. Calls under way are not disturbed.
func (c *Client) Close() {
	c.retrying.HTTPClient.CloseIdleConnections()
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
	return c.discover(ctx, func(Answer) {})
}

// discover also passes the answer to look.
func (c *Client) discover(ctx context.Context, look func(Answer)) (Provider, error) {
	var p Provider
	err := c.Do(ctx, Call{Op: "discover", Method: http.MethodGet, Path: pathIDP, Read: func(a Answer) (err error) {
		look(a)
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
		return AuthToken{}, c.notSent(op, errors.New("the request has no identifier"))
	}
	call := Call{Op: op, Method: http.MethodPost, Path: pathAuth, JSON: r.body()}
	c.o.Forms.authorize(&call, registration)
	t, err := c.authToken(ctx, call, c.o.Forms, r)
	if err == nil {
		c.compare(ctx, t.Form)
	}
	return t, err
}

// compare logs once that a reply does not have the configured form. The reply was still
// read.
func (c *Client) compare(ctx context.Context, f Form) {
	seen := f.reply()
	if c.o.Forms.Reply != AnyForm && c.o.Forms.Reply != seen {
		c.unfit.Do(func() {
			c.o.Log.WarnContext(ctx, "the reply to a redemption does not fit contract.reply; regentd read it all the same; set contract.reply: any", "tenant", c.tenant.Host, "contract.reply", c.o.Forms.Reply, "reply", seen)
		})
	}
}

// Refresh exchanges a refresh token for a new access token, with one request.
// A failure that is Lost may have used the refresh token up.
func (c *Client) Refresh(ctx context.Context, r RefreshRequest) (AuthToken, error) {
	const op = "refresh"
	switch {
	case r.Mode == ModeTMS || r.Mode == ModeTMSRegistration:
		return c.refreshAtService(ctx, op, r)
	case r.Mode != ModeOIDC:
		return AuthToken{}, c.notSent(op, fmt.Errorf("the refresh mode %q is none of %s, %s, %s", r.Mode, ModeOIDC, ModeTMS, ModeTMSRegistration))
	case r.Refresh.IsZero():
		return AuthToken{}, c.notSent(op, ErrNoRefreshToken)
	}
	form := []Pair{
		{Name: "grant_type", Value: "refresh_token"},
		{Name: "refresh_token", Secret: r.Refresh},
	}
	return c.grant(ctx, r.call(op), r.Provider, form)
}

// refreshAtService is a refresh in the modes of the service itself.
func (c *Client) refreshAtService(ctx context.Context, op string, r RefreshRequest) (AuthToken, error) {
	if r.AuthTokenID == "" {
		return AuthToken{}, c.notSent(op, fmt.Errorf("the auth token has no id, which refresh.mode %s needs", r.Mode))
	}
	call := r.call(op)
	call.Method, call.Path = http.MethodPatch, pathAuth+"/"+url.PathEscape(r.AuthTokenID)
	switch {
	case r.Mode == ModeTMS:
		call.Scheme, call.Secret = bearerScheme, r.Refresh
	case r.Registration.IsZero():
		return AuthToken{}, c.notSent(op, errNoRegistration)
	default:
		c.o.Forms.authorize(&call, r.Registration)
	}
	return c.authToken(ctx, call, c.o.Forms, Request{Identifier: r.Identifier})
}

var errNoRegistration = errors.New("refresh.mode " + ModeTMSRegistration +
	" needs the registration token, and none is kept; give one again, and set keep_registration_token: true")

// Grant asks the provider's token endpoint for a token. form has the fields of the grant.
// If it has no client_id, the provider's is added. It is for Refresh and for the packages
// below this one.
func (c *Client) Grant(ctx context.Context, op string, p Provider, form []Pair) (AuthToken, error) {
	return c.grant(ctx, Call{Op: op}, p, form)
}

func (c *Client) grant(ctx context.Context, call Call, p Provider, form []Pair) (AuthToken, error) {
	if _, err := endpointURL(p.TokenEndpoint, c.tenant); err != nil {
		return AuthToken{}, c.notSent(call.Op, err)
	}
	if !slices.ContainsFunc(form, func(f Pair) bool { return f.Name == "client_id" }) {
		form = append(form, Pair{Name: "client_id", Value: p.ClientID})
	}
	call.Method, call.URL, call.Form = http.MethodPost, tokenURL(p), form
	t, err := c.authToken(ctx, call, Forms{}, Request{})
	t.Form = Form{} // the form of OAuth's answer is fixed
	return t, err
}

// authToken makes a call for an auth token. The answer may echo the values in sent.
func (c *Client) authToken(ctx context.Context, call Call, forms Forms, sent Request) (AuthToken, error) {
	var t AuthToken
	call.bought = true
	call.Read = func(a Answer) (err error) {
		t, err = authTokenOf(a.Body, a.Date, forms)
		t.Echoed = err == nil && sent.echoedIn(a.Body)
		return err
	}
	if err := c.Do(ctx, call); err != nil {
		return AuthToken{}, err
	}
	return t, nil
}

// notSent is a failure found before anything was sent.
func (c *Client) notSent(op string, err error) *Failure {
	return &Failure{Op: op, Host: c.tenant.Host, Reach: NotSent, Refused: true, Err: fmt.Errorf("refused here: %w", err)}
}
