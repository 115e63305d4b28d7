package emulator

import (
	"encoding/base64"
)

// Forms are those forms of the service that nobody has documented, and which a
// client can be set to. Each "" is the first word.
type Forms struct {
	Reply         string `json:"reply"`         // of an auth token: wrapped, bare
	AccessToken   string `json:"access_token"`  // its name there: access_token, accessToken (as all beside it), token
	Authorization string `json:"authorization"` // of a registration token: basic, basic_encoded, bearer
	Refresh       string `json:"refresh"`       // of an auth token: any, oidc, tms (by the refresh token), tms_registration, none
}

// refreshes reports whether auth tokens are refreshed in this way.
func (f Forms) refreshes(way string) bool { return f.Refresh == "any" || f.Refresh == way }

// registrationToken returns the registration token that a request shows.
func (c *call) registrationToken() (string, bool) {
	switch c.knobs.Forms.Authorization {
	case "bearer":
		return c.credential("Bearer")
	case "basic_encoded":
		text, ok := c.credential("Basic")
		raw, err := base64.StdEncoding.DecodeString(text)
		return string(raw), ok && err == nil
	}
	return c.credential("Basic")
}

// written is an auth token as the device gets it, in this form.
func (f Forms) written(a issuedAuthToken) any {
	var body any = a
	if f.AccessToken != "access_token" {
		body = renamed(a, f.AccessToken)
	}
	if f.Reply == "bare" {
		return body
	}
	return map[string]any{"authToken": body}
}

// renamed has the access token under another name. Where that is in camel case,
// so are the others.
func renamed(a issuedAuthToken, access string) map[string]any {
	names := map[string]string{"access_token": access}
	if access == "accessToken" {
		names["refresh_token"], names["token_type"] = "refreshToken", "tokenType"
		names["expires_in"], names["refresh_expires_in"] = "expiresIn", "refreshExpiresIn"
	}
	all := members(a, nil)
	for from, to := range names {
		if value, ok := all[from]; ok {
			delete(all, from)
			all[to] = value
		}
	}
	return all
}
