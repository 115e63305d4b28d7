package tms

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"

	"regent/agent/token"
)

// This file is the one place for the assumptions about the service's device side. Each
// line is tagged:
//
//	D  documented by the vendor in its guides
//	O  in the vendor's OpenAPI file for another API, version 5.3
//	F  as in other calls of the same API; inferred for this service
//	U  seen only in unofficial client code
//	A  our assumption
//
// None of it was tried against the real service. CONTRACT.md lists the open rows,
// generated from package contract. After a test with a tenant, change them here, together
// with the golden exchanges in testdata/exchanges.

const (
	// O: the path below the tenant's host is contract.DefaultPath.
	pathIDP = "/idpConfigurations" // O, D
	// A refresh is Keycloak's (A) or PATCH authTokens/{id} (U, A: after Bearer stands the
	// refresh token, and there is no body). Package refresh finds which one.
	pathAuth = "/authTokens" // O: Add, Search, Get, Replace, Update and Delete Auth Token

	memberEndpoint = "tokenEndpoint" // U: as are the next two, and where they stand in the answer
	memberRealm    = "realm"         // U
	memberClientID = "clientId"      // U

	// D, O: the public client of the service's users. A: it is meant where
	// idpConfigurations names none.
	defaultClientID = "ems-scl-public-client"

	// O: HTTP basic. The token is base64 of user:password already, so it follows the
	// word as it is (U).
	registrationScheme = "Basic"
	bearerScheme       = "Bearer" // D

	// F: a body and a reply are in a member of this name. A: either may be bare.
	wrapAuthToken = "authToken"
)

// A: a token or a lifetime has any of these names; the first that is there counts. The
// access token has those of contract.AccessNames.
const (
	memberAccess         = "access_token"
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

// Request names the instance to the service. Its administrator sees only these names. U:
// the names. F: empty members are omitted, since they are likely a 400.
type Request struct {
	Identifier string `json:"identifier,omitempty"` // fresh for each POST
	FQDN       string `json:"fqdn,omitempty"`
	UserName   string `json:"systemUserName,omitempty"` // the system user the daemon runs as
	MAC        string `json:"macAddress,omitempty"`
	RefID1     string `json:"refId1,omitempty"` // application and instance: "cad/1"
	RefID2     string `json:"refId2,omitempty"` // this installation, stable

	Form string `json:"-"` // of the body: Wrapped, or Bare; "" for Wrapped
}

// body returns the body of a redemption. F: wrapped, which is the default. A: bare.
func (r Request) body() any {
	if r.Form == Bare {
		return r
	}
	return map[string]Request{wrapAuthToken: r}
}

// echoedIn reports whether a reply proves that the service read the body. It does if it
// shows the identifier of r, which is fresh for each request. A name of r in its member,
// at any depth, is proof too. A: it may change the case, and the signs between the digits
// of a MAC address.
func (r Request) echoedIn(body []byte) bool {
	for _, value := range Values(body) {
		for _, l := range Leaves(value) {
			if r.Identifier != "" && strings.EqualFold(strings.TrimSpace(l.Text), r.Identifier) || r.named(l) {
				return true
			}
		}
	}
	return r.Identifier != "" && !json.Valid(body) && Loose(body, "identifier") == r.Identifier
}

// unsigned takes out of a text the signs that a service may write otherwise.
var unsigned = strings.NewReplacer(":", "", "-", "", ".", "", "_", "")

// named reports whether a leaf is a name of r in its member.
func (r Request) named(l Leaf) bool {
	for name, sent := range map[string]string{
		"fqdn": r.FQDN, "systemusername": r.UserName, "refid1": r.RefID1, "refid2": r.RefID2,
	} {
		if sent != "" && strings.EqualFold(unsigned.Replace(l.Name), name) && strings.EqualFold(strings.TrimSpace(l.Text), sent) {
			return true
		}
	}
	return r.MAC != "" && strings.EqualFold(unsigned.Replace(l.Name), "macaddress") && strings.EqualFold(unsigned.Replace(l.Text), unsigned.Replace(r.MAC))
}

// tokenURL is where the provider issues tokens. D: the path of a Keycloak realm.
// U: the endpoint ends in /auth/ or /. A: one that is the whole URL is taken as
// it is, and so is one without a realm.
func tokenURL(p Provider) string {
	if p.Realm == "" || strings.HasSuffix(p.TokenEndpoint, tokenPath) {
		return p.TokenEndpoint
	}
	return p.issuer() + tokenPath
}

// tokenPath is where a realm issues tokens, below its own address (D).
const tokenPath = "/protocol/openid-connect/token"

// issuer is the realm's address, which Keycloak writes into the iss of its tokens.
func (p Provider) issuer() string {
	if realm, ok := strings.CutSuffix(p.TokenEndpoint, tokenPath); ok {
		return realm
	}
	return strings.TrimRight(p.TokenEndpoint, "/") + "/realms/" + url.PathEscape(p.Realm)
}

// ClientFor returns the client_id that a refresh at the provider names. It is the
// azp of a refresh token that is a JWT of this very realm, else the client that was
// discovered. A: Keycloak refuses a refresh token that comes with another client's
// name. It is pure.
func (p Provider) ClientFor(refresh token.Secret) string {
	claims, ok := claimsOf(reveal(refresh))
	issuer, azp := canonical(claims.Text("iss")), claims.Text("azp")
	if ok && issuer != "" && issuer == canonical(p.issuer()) && sendable(azp) {
		return azp
	}
	return p.ClientID
}

// canonical returns a URL as an address: the case of the host, a default port and a slash
// at the end make no difference. It is "" without a host.
func canonical(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	port := "443"
	if u.Scheme == "http" {
		port = "80"
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + cmp.Or(u.Port(), port) + strings.TrimRight(u.Path, "/")
}

// shapeOf reads an error's body. D: it has an error code and a message. F, A: it is
// an object in one of these shapes; the identity provider's is OAuth's, the last.
//
//	{"errorCode":"…","errorMessage":"…"}    {"message":"…"}
//	{"code":"…","message":"…"}              {"errors":[{…}]}
//	{"error":{"code":"…","message":"…"}}    {"errors":{"error":[{…}]}}
//	{"error":"…","error_description":"…"}
//
// A code may be a number. Of several errors the first one counts. Errors may be plain
// texts, or details of the error in the object around them.
func shapeOf(body []byte) (code, message string, ok bool) {
	o, err := ParseReply(body, "")
	if err != nil || !json.Valid(body) { // JSON in a page is the page's
		return "", "", false
	}
	if inner, found := o.FirstOf("errors", "error"); found {
		if code, message, ok = errorIn(inner); ok {
			return code, message, true
		}
	}
	if code, message, ok = errorIn(o); ok {
		return code, message, true
	}
	message = textsIn(o.Member("errors"))
	return code, message, message != ""
}

// errorIn reads an object that may be an error.
func errorIn(o Object) (code, message string, ok bool) {
	code = o.Ref(nil, "errorCode", "code", "error")
	message = o.Text("errorMessage", "message", "error_description")
	return code, message, message != "" || o.ID("errorCode") != "" || o.Text("error", "code") != ""
}

// textsIn reads errors that are texts alone, in an array or in one below "error".
func textsIn(errs json.RawMessage) string {
	below, _ := parseObject(errs)
	for _, raw := range []json.RawMessage{errs, below.Member("error")} {
		var texts []string
		if json.Unmarshal(raw, &texts) == nil {
			return strings.Join(texts, "; ")
		}
	}
	return ""
}

// errorMembers names the members of an error's body in which shapeOf looks, for a
// support ticket: "errors.error: errorCode, errorMessage". It is "" if there is none.
func errorMembers(body []byte) string {
	o, err := ParseReply(body, "")
	if err != nil {
		return ""
	}
	var in []string
	for _, name := range []string{"errors", "error"} {
		if inner, found := o.FirstOf(name); found {
			o, in = inner, append(in, name)
		}
	}
	var names []string
	for _, name := range []string{"errorCode", "code", "error", "errorMessage", "message", "error_description"} {
		if o.ID(name) != "" {
			names = append(names, name)
		}
	}
	if len(names) > 0 && len(in) > 0 {
		return strings.Join(in, ".") + ": " + strings.Join(names, ", ")
	}
	return strings.Join(names, ", ")
}

// MembersOfProvider says where the identity provider stands in the answer of
// idpConfigurations: "idpConfigurations[0]: tokenEndpoint, realm, clientId".
func MembersOfProvider(body []byte) string {
	o, err := FindObject(body, memberEndpoint)
	if err != nil {
		return ""
	}
	var names []string
	for _, name := range []string{memberEndpoint, memberRealm, memberClientID} {
		if o.Member(name) != nil {
			names = append(names, name)
		} else if UniqueText(body, name) != "" {
			names = append(names, name+" in "+cmp.Or(PathOf(body, name), "the top"))
		}
	}
	return cmp.Or(PathOf(body, memberEndpoint), "at the top") + ": " + strings.Join(names, ", ")
}

// providerOf reads the answer of idpConfigurations. U, A: it is the first object at any
// depth, arrays included, that has a token endpoint. A member that is not beside it may
// be anywhere else, if there is only one.
func providerOf(body []byte) (Provider, error) {
	o, err := FindObject(body, memberEndpoint)
	if err != nil {
		return Provider{}, err
	}
	p := Provider{
		TokenEndpoint: o.Text(memberEndpoint),
		Realm:         cmp.Or(o.Text(memberRealm), UniqueText(body, memberRealm)),
		ClientID:      cmp.Or(o.Text(memberClientID), UniqueText(body, memberClientID), defaultClientID),
	}
	if p.TokenEndpoint == "" {
		return Provider{}, errors.New(memberEndpoint + " is empty, or no string")
	}
	if strings.Trim(p.Realm, ".") == "" { // dots alone would climb in the path
		return Provider{}, errors.New("no " + memberRealm + " beside " + memberEndpoint + ", nor just one elsewhere")
	}
	return p, nil
}
