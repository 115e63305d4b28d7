package tms

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/agent/tms/internal/reply"
	"regent/agent/token"
)

// DefaultPath is where the service is assumed to be below a tenant's host.
const DefaultPath = basePath

// byteOrderMark may stand before a reply's JSON.
const byteOrderMark = "\ufeff"

// AnyForm takes every form that is known.
const AnyForm = "any"

// Where a reply's members stand.
const (
	Wrapped = "wrapped" // in a member called authToken
	Bare    = "bare"    // at the top
)

// Auto writes a request's body wrapped, and bare where the service refuses that.
const Auto = "auto"

// How a registration token is shown: what stands in Authorization.
const (
	Basic        = "basic"         // the raw token after Basic, which is no base64
	BasicEncoded = "basic_encoded" // its base64 after Basic
	Bearer       = "bearer"        // the raw token after Bearer
)

// Forms says which of the forms that the contract leaves open a tenant has. It
// is the other half of contract.go: what stands there without an alternative is
// fixed, what has one is selected here. The zero value takes all that can be
// taken, and shows a registration token as Basic.
type Forms struct {
	Path          string // of the service below the host: "/token/api/v5"; "" for DefaultPath
	Request       string // how a body is written: Auto, Wrapped or Bare; "" for Auto
	Reply         string // AnyForm, Wrapped or Bare; "" for AnyForm
	AccessToken   string // AnyForm, or the name of the member: one of AccessNames; "" for AnyForm
	Authorization string // Basic, BasicEncoded or Bearer; "" for Basic
}

// Form is what a reply of the service was found to be. The zero value is none:
// an identity provider's reply has the form of OAuth, which is open to nothing.
type Form struct {
	Wrapped     bool   `json:"wrapped"`
	AccessToken string `json:"access_token,omitempty"` // the name of the member
}

// AccessNames are the names that the access token may have in a reply of the
// service; of several the first counts.
func AccessNames() []string { return []string{memberAccess, memberAccessCamel, memberAccessShort} }

// settled returns f with its defaults filled in, or says which word is none.
func (f Forms) settled() (Forms, error) {
	for _, choice := range []struct {
		what  string
		value *string
		words []string
	}{
		{"request", &f.Request, []string{Auto, Wrapped, Bare}},
		{"reply", &f.Reply, []string{AnyForm, Wrapped, Bare}},
		{"access token", &f.AccessToken, append([]string{AnyForm}, AccessNames()...)},
		{"authorization", &f.Authorization, []string{Basic, BasicEncoded, Bearer}},
	} {
		if *choice.value == "" {
			*choice.value = choice.words[0]
		}
		if !slices.Contains(choice.words, *choice.value) {
			return f, fmt.Errorf("tms: %s %q: must be one of %s", choice.what, *choice.value, strings.Join(choice.words, ", "))
		}
	}
	if f.Path == "" {
		f.Path = DefaultPath
	}
	if !strings.HasPrefix(f.Path, "/") || strings.HasSuffix(f.Path, "/") || strings.ContainsAny(f.Path, "?#%\\ ") || strings.Contains(f.Path, "//") || strings.Contains(f.Path, "..") {
		return f, errors.New("tms: path: must begin and not end with /, and be plain")
	}
	return f, nil
}

// show makes a registration token stand in a call's Authorization.
func (f Forms) show(call *Call, registration token.Secret) {
	switch f.Authorization {
	case BasicEncoded:
		call.Scheme, call.Secret = registrationScheme, encoded(registration)
		call.hidden = registration
	case Bearer:
		call.Scheme, call.Secret = bearerScheme, registration
	default:
		call.Scheme, call.Secret = registrationScheme, registration
	}
}

func encoded(s token.Secret) token.Secret {
	return token.NewSecret(base64.StdEncoding.EncodeToString([]byte(reveal(s))))
}

// object returns the members of a reply, wherever they stand, and whether they were
// wrapped. What is in the expected place counts. Else it is the one object at any
// depth that has an access token: what was bought is kept, also where the reply does
// not fit the configuration.
func (f Forms) object(body []byte) (o reply.Object, wrapped bool, err error) {
	body = bytes.TrimPrefix(body, []byte(byteOrderMark))
	outer, err := reply.Parse(body, "")
	inner, innerErr := reply.Parse(outer[wrapAuthToken], "")
	wrapped = innerErr == nil
	place, in := outer, false
	if wrapped && f.Reply != Bare {
		place, in = inner, true
	}
	if access, _ := f.access(place); access != "" || place.Text(memberRefresh, memberRefreshCamel) != "" && len(reply.Holders(body, AccessNames()...)) == 0 {
		return named(place, inner), in, nil
	}
	found := reply.Holders(body, AccessNames()...)
	switch {
	case len(found) > 1:
		return nil, false, errors.New("several objects with an access token")
	case len(found) == 0 && err != nil:
		return nil, false, err
	case len(found) == 0:
		return outer, wrapped, nil
	}
	return named(found[0], inner, outer), wrapped, nil
}

// named returns o with the id of the first of others that has one, if it has none.
func named(o reply.Object, others ...reply.Object) reply.Object {
	for _, other := range others {
		if o.ID("id") == "" && other.ID("id") != "" {
			o["id"] = other["id"]
		}
	}
	return o
}

// access returns the access token and the name of its member.
func (f Forms) access(o reply.Object) (access, name string) {
	for _, name := range AccessNames() {
		if f.AccessToken != AnyForm && f.AccessToken != "" && f.AccessToken != name {
			continue
		}
		if access := o.Text(name); access != "" {
			return access, name
		}
	}
	return "", ""
}
