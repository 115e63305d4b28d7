package emulator

import (
	"crypto/rand"
	"errors"
	"net/http"
	"time"
)

// device has the names in an auth token's redemption.
type device struct {
	Identifier     string `json:"identifier"`
	FQDN           string `json:"fqdn"`
	SystemUserName string `json:"systemUserName"`
	MACAddress     string `json:"macAddress"`
	RefID1         string `json:"refId1"`
	RefID2         string `json:"refId2"`
}

// authToken is an auth token as the Contact Administrator sees it. These are
// all the columns there are.
type authToken struct {
	ID string `json:"id"`
	device
	RegistrationToken string    `json:"registrationToken"` // its identifier
	CreationDate      time.Time `json:"creationDate"`

	registrationID string // kept in the row
}

// issuedAuthToken is an auth token as the device gets it.
type issuedAuthToken struct {
	ID         string `json:"id"`
	Identifier string `json:"identifier,omitempty"`
	grantAnswer
}

func (e *Emulator) redeem(c *call) answer {
	registration, ok := c.registrationToken()
	if !ok {
		return refused(errNoAuthentication)
	}
	var d device
	read, err := c.decode(wrapAuth, &d)
	if err != nil {
		return refused(err)
	}
	if err := checkTexts(text{"identifier", d.Identifier}, text{"fqdn", d.FQDN},
		text{"systemUserName", d.SystemUserName}, text{"macAddress", d.MACAddress},
		text{"refId1", d.RefID1}, text{"refId2", d.RefID2}); read && err != nil {
		return refused(err)
	}
	return c.issued(e.redeemed(c, registration, d))
}

// redeemed uses a count. It asks an external identity provider first, so that its failure
// uses no count. If no count is left, it withdraws the tokens.
func (e *Emulator) redeemed(c *call, registration string, d device) (grant, grantAnswer, error) {
	id := rand.Text()
	var issued grantAnswer
	if e.idp != nil {
		if err := e.store.redeemable(registration, c.now); err != nil {
			return grant{}, grantAnswer{}, err
		}
		var err error
		if issued, err = e.idp.createUser(c.Context(), id); err != nil { // its refusal is of us, and says nothing of the device: a 500
			e.log.ErrorContext(c.Context(), "identity provider", "err", err.Error())
			return grant{}, grantAnswer{}, errors.New("the identity provider gave no tokens")
		}
	}
	g, err := e.store.redeem(registration, id, d, c.knobs, c.now)
	switch {
	case e.idp != nil && (err != nil || g.authToken.ID != id):
		err = errors.Join(err, e.idp.removeUser(c.Context(), id))
	case e.idp == nil && err == nil:
		issued, err = e.issue(c, claimsFor(g.subject, publicClient), g)
	}
	return g, issued, err
}

// refreshAuthToken is a refresh in mode tms: by the refresh token as bearer, or
// by the registration token, as a redemption.
func (e *Emulator) refreshAuthToken(c *call) answer {
	id, forms := c.PathValue("id"), c.knobs.Forms
	if forms.Refresh == "oidc" {
		return refused(errMethod)
	}
	if e.idp != nil {
		return e.refreshElsewhere(c, id)
	}
	var g grant
	err := error(errNoAuthentication)
	// By a registration token first: a form of the two may be Bearer for both.
	if token, ok := c.registrationToken(); ok && forms.refreshes("tms_registration") {
		g, err = e.store.refreshBy(token, id, c.knobs, c.now)
	}
	if token, ok := c.credential("Bearer"); ok && err != nil && forms.refreshes("tms") {
		g, err = e.store.refresh(token, publicClient, id, c.knobs, c.now)
	}
	if _, ok := errors.AsType[*oauthRefusal](err); ok {
		err = errRefreshRefused // here speaks the service, and not the identity provider
	}
	if err != nil {
		return refused(err)
	}
	issued, err := e.renewed(c, g, publicClient)
	return c.issued(g, issued, err)
}

// refreshElsewhere passes a refresh token on to the other identity provider.
// That one has no way to refresh by a registration token.
func (e *Emulator) refreshElsewhere(c *call, id string) answer {
	token, ok := c.credential("Bearer")
	if !ok {
		return refused(errNoAuthentication)
	}
	a, err := e.store.authToken(id)
	if err != nil {
		return refused(err)
	}
	issued, err := e.idp.refresh(c.Context(), token)
	if _, ok := errors.AsType[*oauthRefusal](err); ok {
		err = errRefreshRefused
	}
	return c.issued(grant{authToken: a}, issued, err)
}

// issued is the answer to a redemption or a refresh.
func (c *call) issued(g grant, issued grantAnswer, err error) answer {
	if err != nil {
		return refused(err)
	}
	return answer{status: c.success(), header: noStore(), body: c.knobs.Forms.written(
		issuedAuthToken{g.authToken.ID, g.authToken.Identifier, issued},
	)}
}

func (e *Emulator) listAuthTokens(c *call) answer {
	write := func(a *authTokenRow) any { return c.knobs.Dialect.authToken(a.authToken) }
	rows := func() []*authTokenRow { return e.store.authTokenList }
	return list(e, c, "authTokens", wrapAuth, rows, write, map[string]func(*authTokenRow) string{
		"identifier":        func(a *authTokenRow) string { return a.Identifier },
		"registrationToken": func(a *authTokenRow) string { return a.RegistrationToken },
		"refId1":            func(a *authTokenRow) string { return a.RefID1 },
		"refId2":            func(a *authTokenRow) string { return a.RefID2 },
		"fqdn":              func(a *authTokenRow) string { return a.FQDN },
	})
}

func (e *Emulator) showAuthToken(c *call) answer {
	a, err := e.store.authToken(c.PathValue("id"))
	if err != nil {
		return refused(err)
	}
	return answer{status: http.StatusOK, body: map[string]any{wrapAuth: c.knobs.Dialect.authToken(a)}}
}

func (e *Emulator) removeAuthToken(c *call) answer {
	id := c.PathValue("id")
	_, err := e.store.authToken(id)
	if err == nil && e.idp != nil {
		err = e.idp.removeUser(c.Context(), id)
	}
	if err == nil {
		err = e.store.deleteAuthToken(id)
	}
	return removed(err)
}
