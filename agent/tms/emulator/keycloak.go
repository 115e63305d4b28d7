package emulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// KeycloakOptions name a realm of a Keycloak server.
type KeycloakOptions struct {
	URL   string // of the server, as http://127.0.0.1:8080/
	Realm string // "" is "ems"

	// The client with the service account that creates and deletes users. It needs the
	// role manage-users of the client realm-management.
	ClientID     string
	ClientSecret string

	Offline bool         // auth tokens get offline tokens, which no idle session ends
	Client  *http.Client // required: it bounds how long an answer may take
}

// Keycloak is a realm in place of the emulator's own identity provider. Each
// auth token is a user of it: made at the redemption, which gets its tokens by
// the password grant, and removed with it. It is safe for concurrent use.
type Keycloak struct {
	o KeycloakOptions // complete

	mu   sync.Mutex // over what follows
	keys jose.JSONWebKeySet
}

// NewKeycloak returns a realm. It asks it for nothing yet.
func NewKeycloak(o KeycloakOptions) (*Keycloak, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, errors.New("identity provider: write its address as http://host:port/")
	}
	if o.ClientID == "" || o.ClientSecret == "" {
		return nil, errors.New("identity provider: needs a client, and its secret, that may manage users")
	}
	if o.Client == nil {
		return nil, errors.New("identity provider: needs an HTTP client")
	}
	o.URL, o.Realm = strings.TrimRight(o.URL, "/")+"/", cmp.Or(o.Realm, "ems")
	return &Keycloak{o: o}, nil
}

func (k *Keycloak) issuer() string { return k.o.URL + "realms/" + k.o.Realm }

// createUser makes the user of an auth token and gets its first tokens.
func (k *Keycloak) createUser(ctx context.Context, id string) (grantAnswer, error) {
	password := rand.Text()
	user := map[string]any{
		"username": id, "enabled": true, "email": id + "@auth-token.invalid", "emailVerified": true,
		"firstName": "auth", "lastName": "token", // a profile that lacks these must be completed by a person first
		"credentials": []map[string]any{{"type": "password", "value": password, "temporary": false}},
	}
	if err := k.admin(ctx, http.MethodPost, "/users", user, nil); err != nil {
		return grantAnswer{}, fmt.Errorf("make the user: %w", err)
	}
	form := url.Values{"grant_type": {"password"}, "client_id": {publicClient}, "username": {id}, "password": {password}}
	if k.o.Offline {
		form.Set("scope", "offline_access")
	}
	g, err := k.token(ctx, form)
	if err != nil {
		return grantAnswer{}, errors.Join(fmt.Errorf("get its tokens: %w", err), k.removeUser(ctx, id))
	}
	return g, nil
}

// refresh uses a refresh token.
func (k *Keycloak) refresh(ctx context.Context, token string) (grantAnswer, error) {
	return k.token(ctx, url.Values{"grant_type": {"refresh_token"}, "client_id": {publicClient}, "refresh_token": {token}})
}

// removeUser ends the session of an auth token, and removes its user. One that is
// gone is no error.
func (k *Keycloak) removeUser(ctx context.Context, id string) error {
	var found []struct{ ID string }
	query := "/users?exact=true&username=" + url.QueryEscape(strings.ToLower(id))
	if err := k.admin(ctx, http.MethodGet, query, nil, &found); err != nil {
		return fmt.Errorf("find the user: %w", err)
	}
	for _, u := range found {
		if err := k.admin(ctx, http.MethodPost, "/users/"+u.ID+"/logout", nil, nil); err != nil {
			return fmt.Errorf("end its session: %w", err)
		}
		if err := k.admin(ctx, http.MethodDelete, "/users/"+u.ID, nil, nil); err != nil {
			return fmt.Errorf("remove the user: %w", err)
		}
	}
	return nil
}

// verify returns the subject of an access token of the realm.
func (k *Keycloak) verify(ctx context.Context, token string, now time.Time) (claims, error) {
	key := func(id string) (any, error) { return k.key(ctx, id) }
	return verify(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.PS256}, key, jwt.Expected{Issuer: k.issuer(), Time: now})
}

// key returns the realm's key of that id. One that is not known is asked for:
// the realm may have a new one.
func (k *Keycloak) key(ctx context.Context, id string) (any, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if found := k.keys.Key(id); len(found) > 0 {
		return found[0].Key, nil
	}
	k.keys = jose.JSONWebKeySet{}
	if err := k.do(ctx, http.MethodGet, k.issuer()+"/protocol/openid-connect/certs", "", nil, &k.keys); err != nil {
		return nil, fmt.Errorf("read the realm's keys: %w", err)
	}
	k.keys.Keys = slices.DeleteFunc(k.keys.Keys, func(j jose.JSONWebKey) bool { return j.Use == "enc" })
	if found := k.keys.Key(id); len(found) > 0 {
		return found[0].Key, nil
	}
	return nil, errors.New("verify access token: the realm has no such key")
}

// admin makes a call to the realm's administration.
func (k *Keycloak) admin(ctx context.Context, method, path string, body, into any) error {
	g, err := k.token(ctx, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {k.o.ClientID}, "client_secret": {k.o.ClientSecret},
	})
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	var b []byte
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return err
		}
	}
	return k.do(ctx, method, k.o.URL+"admin/realms/"+k.o.Realm+path, "Bearer "+g.AccessToken, b, into)
}

func (k *Keycloak) token(ctx context.Context, form url.Values) (grantAnswer, error) {
	var g grantAnswer
	err := k.do(ctx, http.MethodPost, k.issuer()+"/protocol/openid-connect/token", "", []byte(form.Encode()), &g)
	return g, err
}

// do makes a request. A refusal in the identity provider's shape comes back as
// one. The body is a form without an authorization, and JSON with one.
func (k *Keycloak) do(ctx context.Context, method, address, authorization string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body)) //nolint:gosec // the person at the command line names the server
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := k.o.Client.Do(r) //nolint:gosec // as above
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		o := &oauthRefusal{status: resp.StatusCode}
		if err := json.Unmarshal(b, o); err == nil && o.Code != "" {
			return o
		}
		return fmt.Errorf("the identity provider answered %s", resp.Status)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(b, into)
}
