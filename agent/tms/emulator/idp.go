package emulator

import (
	"net/http"
	"net/url"
	"slices"
)

const (
	publicClient = "ems-scl-public-client" // without a secret: devices and administrators
	scope        = "profile email"
	adminRole    = "contact-administrator"
)

type idpConfiguration struct {
	TokenEndpoint string `json:"tokenEndpoint"`
	Realm         string `json:"realm"`
	ClientID      string `json:"clientId"`
}

func (e *Emulator) idpConfigurations(c *call) answer {
	one := idpConfiguration{TokenEndpoint: c.origin() + e.path, Realm: e.realm, ClientID: publicClient}
	if e.idp != nil {
		one.TokenEndpoint, one.Realm = e.idp.o.URL, e.idp.o.Realm
	}
	return answer{status: http.StatusOK, body: map[string][]idpConfiguration{"idpConfigurations": {one}}}
}

// issuer is the realm's own address, under the name that the client knows.
func (e *Emulator) issuer(c *call) string { return c.origin() + e.path + "realms/" + e.realm }

// discovery is the realm's OpenID configuration.
func (e *Emulator) discovery(c *call) answer {
	is := e.issuer(c)
	return answer{status: http.StatusOK, body: map[string]any{
		"issuer":                                is,
		"token_endpoint":                        is + "/protocol/openid-connect/token",
		"jwks_uri":                              is + "/protocol/openid-connect/certs",
		"grant_types_supported":                 []string{"password", "client_credentials", "refresh_token"},
		"response_types_supported":              []string{"none"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{string(algorithm)},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	}}
}

// keys are the keys that verify access tokens.
func (e *Emulator) keys(*call) answer {
	return answer{status: http.StatusOK, body: e.signer.public()}
}

// form reads a form body in which no field stands twice.
func (c *call) form() (url.Values, error) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || !c.holds("application/x-www-form-urlencoded") {
		return nil, errForm
	}
	for _, values := range form {
		if len(values) != 1 {
			return nil, errForm
		}
	}
	return form, nil
}

// client returns who asks: a public client by its name, any other by its secret
// too, in the form or as HTTP Basic.
func (e *Emulator) client(c *call, form url.Values) (string, error) {
	id, secret := form.Get("client_id"), form.Get("client_secret")
	if user, pass, ok := c.BasicAuth(); ok {
		id, secret = user, pass
	}
	switch {
	case id == publicClient || id == e.cred.ClientID && secret == e.cred.ClientSecret:
		return id, nil
	case id == e.cred.ClientID:
		return "", errClientSecret
	}
	return "", errClient
}

// loginUser is the grant "password".
func (e *Emulator) loginUser(c *call, client string, form url.Values) (grantAnswer, error) {
	if client != publicClient {
		return grantAnswer{}, errNoPasswordGrant
	}
	user := form.Get("username")
	if user != e.cred.User || form.Get("password") != e.cred.Password {
		return grantAnswer{}, errUserCredentials
	}
	refresh, err := e.store.login(user, client, c.knobs, c.now)
	if err != nil {
		return grantAnswer{}, err
	}
	return e.issue(c, claimsFor(user, client, adminRole), grant{refresh: refresh, left: adminSession, access: c.knobs.AccessLifetime})
}

// loginClient is the grant "client_credentials". It gives no refresh token: who
// has the secret can ask again.
func (e *Emulator) loginClient(c *call, client string) (grantAnswer, error) {
	if client == publicClient {
		return grantAnswer{}, errNoServiceAccount
	}
	return e.issue(c, claimsFor(client, client, adminRole), grant{access: c.knobs.AccessLifetime})
}

// administrator lets only those through who hold an administrator's access
// token. Under which name the service was reached when it was issued does not
// matter here: one emulator has many.
func (e *Emulator) administrator(handle func(*call) answer) func(*call) answer {
	return func(c *call) answer {
		token, _ := c.credential("Bearer")
		who, err := e.subjectOf(c, token)
		switch {
		case err != nil:
			return refused(errUnauthorized)
		case !slices.Contains(who.Realm.Roles, adminRole):
			return refused(errForbidden)
		}
		return handle(c)
	}
}

// subjectOf verifies an access token.
func (e *Emulator) subjectOf(c *call, token string) (claims, error) {
	if e.idp != nil {
		return e.idp.verify(c.Context(), token, c.now)
	}
	return e.signer.verify(token, c.now)
}
