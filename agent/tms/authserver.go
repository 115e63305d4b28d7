package tms

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// AuthorizationServer is where a person logs in with a browser.
type AuthorizationServer struct {
	Issuer   string   // its name; "" if it did not tell one
	Page     string   // the authorization endpoint, checked
	Provider Provider // exchanges the code, and refreshes the tokens
}

// AuthorizationServer asks where a person logs in: at this issuer, by its own
// description (OpenID Connect Discovery), or with issuer "" at the tenant's Keycloak.
// clientID is the client to log in by; "" for the tenant's own.
func (c *Client) AuthorizationServer(ctx context.Context, issuer, clientID string) (AuthorizationServer, error) {
	if issuer != "" {
		if clientID == "" {
			return AuthorizationServer{}, c.notSent("log in", errors.New("--issuer needs --client-id"))
		}
		return c.describedServer(ctx, issuer, clientID)
	}
	p, err := c.Discover(ctx)
	if err != nil {
		return AuthorizationServer{}, err
	}
	if clientID != "" {
		p.ClientID = clientID
	}
	// D: the path of a Keycloak realm.
	return AuthorizationServer{Page: strings.TrimSuffix(tokenURL(p), "/token") + "/auth", Provider: p}, nil
}

// describedServer reads the description that an issuer publishes.
func (c *Client) describedServer(ctx context.Context, issuer, clientID string) (AuthorizationServer, error) {
	const op = "look up the identity provider"
	if _, err := endpointURL(issuer, c.tenant); err != nil {
		return AuthorizationServer{}, c.notSent(op, fmt.Errorf("the issuer: %w", err))
	}
	var d struct {
		Issuer        string   `json:"issuer"`
		Authorization string   `json:"authorization_endpoint"`
		Token         string   `json:"token_endpoint"`
		Methods       []string `json:"code_challenge_methods_supported"`
	}
	err := c.Do(ctx, Call{
		Op: op, Method: http.MethodGet, URL: strings.TrimRight(issuer, "/") + "/.well-known/openid-configuration",
		Read: func(a Answer) error {
			if json.Unmarshal(a.Body, &d) != nil {
				return errors.New("the reply does not describe an issuer")
			}
			if strings.TrimRight(d.Issuer, "/") != strings.TrimRight(issuer, "/") {
				return errors.New("the reply describes another issuer")
			}
			if len(d.Methods) > 0 && !slices.Contains(d.Methods, "S256") {
				return errors.New("the issuer does not support PKCE with S256")
			}
			if err := pageURL(d.Authorization, c.tenant); err != nil {
				return err
			}
			_, err := endpointURL(d.Token, c.tenant)
			return err
		},
	})
	if err != nil {
		return AuthorizationServer{}, err
	}
	return AuthorizationServer{Issuer: d.Issuer, Page: d.Authorization, Provider: Provider{TokenEndpoint: d.Token, ClientID: clientID}}, nil
}

// pageURL checks an authorization endpoint. As [endpointURL], but it may have a query
// (RFC 6749, section 3.1).
func pageURL(page string, tenant *url.URL) error {
	before, _, _ := strings.Cut(page, "?")
	_, err := endpointURL(before, tenant)
	return err
}
