package emulator

import (
	"net/http"
	"strings"
	"time"
)

// grantAnswer is the identity provider's answer, and half of an auth token.
type grantAnswer struct {
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshExpiresIn int64  `json:"refresh_expires_in"`
	TokenType        string `json:"token_type"`
	Scope            string `json:"scope,omitempty"`
}

// tokenAnswer adds Keycloak's further members at the token endpoint. No client here reads
// them.
type tokenAnswer struct {
	grantAnswer
	NotBefore    int    `json:"not-before-policy"`
	SessionState string `json:"session_state,omitempty"`
}

// issue signs an access token to go with a refresh token.
func (e *Emulator) issue(c *call, who claims, g grant) (grantAnswer, error) {
	access, err := e.signer.access(who, e.issuer(c), c.now, g.access)
	if err != nil {
		return grantAnswer{}, err
	}
	return grantAnswer{
		AccessToken: access, RefreshToken: g.refresh, TokenType: "Bearer",
		ExpiresIn:        int64(g.access / time.Second),
		RefreshExpiresIn: int64(g.left / time.Second),
	}, nil
}

// renewed is the answer to a refresh in either mode.
func (e *Emulator) renewed(c *call, g grant, client string) (grantAnswer, error) {
	who := claimsFor(g.subject, client)
	if g.authToken.ID == "" {
		who = claimsFor(g.subject, client, adminRole)
	}
	if c.knobs.Rotation == RotationOmit {
		g.refresh = ""
	}
	return e.issue(c, who, g)
}

// token is the identity provider's token endpoint.
func (e *Emulator) token(c *call) answer {
	form, err := c.form()
	if err != nil {
		return refused(err)
	}
	client, err := e.client(c, form)
	if err != nil {
		return refused(err)
	}
	var g grantAnswer
	switch form.Get("grant_type") {
	case "password":
		g, err = e.loginUser(c, client, form)
	case "client_credentials":
		g, err = e.loginClient(c, client)
	case "refresh_token":
		if client == publicClient && !c.knobs.Forms.refreshes("oidc") {
			return refused(errNoRefreshGrant)
		}
		var used grant
		if used, err = e.store.refresh(form.Get("refresh_token"), client, "", c.knobs, c.now); err == nil {
			g, err = e.renewed(c, used, client)
		}
	default:
		err = errGrantType
	}
	if err != nil {
		return refused(err)
	}
	g.Scope = scope
	state, _, _ := strings.Cut(g.RefreshToken, ".") // a refresh token begins with its session's id
	return answer{status: http.StatusOK, header: noStore(), body: tokenAnswer{g, 0, state}}
}
