package tms

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"regent/agent/tms/internal/reply"
)

// This file is the one place for what we take to be true of the service and
// nobody has documented. Each line is tagged:
//
//	D  documented by the vendor (here only where an assumption rests on it)
//	U  seen only in unofficial client code
//	A  our assumption
//
// None of it was tried against the real service. Whoever does that mends it
// here, together with the golden exchanges in testdata/exchanges.

const (
	basePath = "/token/api/v5"      // A: the path below the tenant's host
	pathIDP  = "/idpConfigurations" // D
	pathAuth = "/authTokens"        // U: redeem; A: list, get and delete

	memberEndpoint = "tokenEndpoint" // U: as are the next two, and where they stand in the answer
	memberRealm    = "realm"         // U
	memberClientID = "clientId"      // U

	// D: the public client of the service's users. A: it is meant where
	// idpConfigurations names none.
	defaultClientID = "ems-scl-public-client"

	// U: the word is Basic, but what follows is the raw token, not base64.
	registrationScheme = "Basic"
	bearerScheme       = "Bearer" // D

	wrapAuthToken = "authToken" // A: an answer may be bare or stand in a member of this name
)

// A: a token or a lifetime has any of these names; the first that is there counts.
const (
	memberAccess         = "access_token"
	memberAccessCamel    = "accessToken"
	memberAccessShort    = "token"
	memberRefresh        = "refresh_token"
	memberRefreshCamel   = "refreshToken"
	memberExpires        = "expires_in"
	memberExpiresCamel   = "expiresIn"
	memberRefreshExpires = "refresh_expires_in" // A: 0 or absent means that it is not known, or without end
	memberRefreshCamelIn = "refreshExpiresIn"
)

// A: an access token lives this long if neither the answer nor the token says how
// long. Five minutes are Keycloak's default.
const assumedLife = 5 * time.Minute

// redeemBody is what a redemption tells of the device. U: the names.
type redeemBody struct {
	Identifier     string `json:"identifier"`
	FQDN           string `json:"fqdn"`
	SystemUserName string `json:"systemUserName"`
	MACAddress     string `json:"macAddress"`
	RefID1         string `json:"refId1"`
	RefID2         string `json:"refId2"`
}

// tokenURL is where the provider issues tokens. D: the path of a Keycloak realm.
// U: the endpoint ends in /auth/ or /. A: one that is the whole URL is taken as
// it is.
func tokenURL(p Provider) string {
	const end = "/protocol/openid-connect/token"
	if strings.HasSuffix(p.TokenEndpoint, end) {
		return p.TokenEndpoint
	}
	return strings.TrimRight(p.TokenEndpoint, "/") + "/realms/" + url.PathEscape(p.Realm) + end
}

// shapeOf reads an error's body. D: it has an error code and a message. F, A: it is
// an object in one of these shapes; the identity provider's is OAuth's, the last.
//
//	{"errorCode":"…","errorMessage":"…"}    {"message":"…"}
//	{"code":"…","message":"…"}              {"errors":[{…}]}
//	{"error":{"code":"…","message":"…"}}    {"errors":{"error":[{…}]}}
//	{"error":"…","error_description":"…"}
//
// A code may be a number. Of several errors the first one counts.
func shapeOf(body []byte) (code, message string, ok bool) {
	o, err := reply.Parse(body, "")
	if err != nil {
		return "", "", false
	}
	if inner, found := o.FirstOf("errors", "error"); found {
		o = inner
	}
	for _, name := range []string{"errorCode", "code", "error"} {
		if code = o.ID(name); code != "" {
			break
		}
	}
	message = o.Text("errorMessage", "message", "error_description")
	return code, message, message != "" || o.ID("errorCode") != "" || o.Text("error", "code") != ""
}

// providerOf reads the answer of idpConfigurations. U, A: it is the first object
// at any depth, arrays included, that has a token endpoint.
func providerOf(body []byte) (Provider, error) {
	o, err := reply.First(body, memberEndpoint)
	if err != nil {
		return Provider{}, err
	}
	p := Provider{
		TokenEndpoint: o.Text(memberEndpoint),
		Realm:         o.Text(memberRealm),
		ClientID:      o.Text(memberClientID),
	}
	if p.ClientID == "" {
		p.ClientID = defaultClientID
	}
	if p.TokenEndpoint == "" {
		return Provider{}, errors.New(memberEndpoint + " is empty, or no string")
	}
	if strings.Trim(p.Realm, ".") == "" { // dots alone would climb in the path
		return Provider{}, errors.New("no " + memberRealm + " beside " + memberEndpoint)
	}
	return p, nil
}
