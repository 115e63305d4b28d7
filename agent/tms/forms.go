package tms

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/agent/tms/contract"
	"regent/agent/token"
)

// The words of [contract], for callers.
const (
	AnyForm = contract.AnyForm
	Auto    = contract.Auto
	Wrapped = contract.Wrapped
	Bare    = contract.Bare

	ModeOIDC            = contract.ModeOIDC
	ModeTMS             = contract.ModeTMS
	ModeTMSRegistration = contract.ModeTMSRegistration
)

// Forms selects the forms that the contract leaves open. It is the other half of
// contract.go, which has the fixed forms and the alternatives. The zero value accepts
// every form, and sends a registration token as Basic.
type Forms struct {
	Path          string // of the service below the host: "/token/api/v5"; "" for [contract.DefaultPath]
	Request       string // how a body is written: Auto, Wrapped or Bare; "" for Auto
	Reply         string // AnyForm, Wrapped or Bare; "" for AnyForm
	AccessToken   string // AnyForm, or the name of the member: one of [contract.AccessNames]; "" for AnyForm
	Authorization string // Basic, BasicEncoded or Bearer; "" for Basic
}

// Form is the form of a reply of the service. The zero value is none: an identity
// provider's reply has the form of OAuth, which is fixed.
type Form struct {
	Wrapped     bool   `json:"wrapped"`
	AccessToken string `json:"access_token,omitempty"` // the name of the member
}

// reply is the word of contract.reply for f.
func (f Form) reply() string {
	if f.Wrapped {
		return Wrapped
	}
	return Bare
}

// withDefaults returns f with its defaults, or an error about an unknown word.
func (f Forms) withDefaults() (Forms, error) {
	for _, choice := range []struct {
		what  string
		value *string
		words []string
	}{
		{"request", &f.Request, contract.RequestForms()},
		{"reply", &f.Reply, contract.ReplyForms()},
		{"access token", &f.AccessToken, append([]string{AnyForm}, contract.AccessNames()...)},
		{"authorization", &f.Authorization, contract.Headers()},
	} {
		if *choice.value == "" {
			*choice.value = choice.words[0]
		}
		if !slices.Contains(choice.words, *choice.value) {
			return f, fmt.Errorf("tms: %s %q: must be one of %s", choice.what, *choice.value, strings.Join(choice.words, ", "))
		}
	}
	if f.Path == "" {
		f.Path = contract.DefaultPath
	}
	if !strings.HasPrefix(f.Path, "/") || strings.HasSuffix(f.Path, "/") || strings.ContainsAny(f.Path, "?#%\\ ") || strings.Contains(f.Path, "//") || strings.Contains(f.Path, "..") {
		return f, errors.New("tms: path: must begin and not end with /, and be plain")
	}
	return f, nil
}

// authorize sets a registration token as a call's Authorization.
func (f Forms) authorize(call *Call, registration token.Secret) {
	switch f.Authorization {
	case contract.BasicEncoded:
		call.Scheme, call.Secret = registrationScheme, encoded(registration)
		call.hidden = registration
	case contract.Bearer:
		call.Scheme, call.Secret = bearerScheme, registration
	default:
		call.Scheme, call.Secret = registrationScheme, registration
	}
}

func encoded(s token.Secret) token.Secret {
	return token.NewSecret(base64.StdEncoding.EncodeToString([]byte(reveal(s))))
}

// object returns the members of a reply, wherever they stand, and whether they were
// wrapped. The expected place counts first, in the first value of a body that has
// several. Else it is the one object at any depth with an access token. So a new auth
// token is stored even if the reply does not fit the configuration.
func (f Forms) object(body []byte) (o Object, wrapped bool, err error) {
	values := Values(body)
	all, _ := json.Marshal(values) // they are valid
	found := ObjectsWith(all, contract.AccessNames()...)
	var around []Object // the places of an id
	for _, value := range values {
		outer, _ := ParseReply(value, "")
		inner, innerErr := ParseReply(outer.Member(wrapAuthToken), "")
		place, in := outer, false
		if innerErr == nil && f.Reply != Bare {
			place, in = inner, true
		}
		if access, _ := f.access(place); access != "" || place.Text(memberRefresh, memberRefreshCamel) != "" && len(found) == 0 {
			return withRefresh(withID(place, inner), all), in, nil
		}
		around, wrapped = append(around, inner, outer), wrapped || innerErr == nil
	}
	if len(found) == 1 {
		return withRefresh(withID(found[0], around...), all), wrapped, nil
	}
	for _, place := range around {
		if o := flat(place); o.Text(memberAccess) != "" {
			return withRefresh(withID(o, around...), all), wrapped, nil
		}
	}
	switch {
	case len(found) > 1:
		return nil, false, errors.New("several objects with an access token")
	case !json.Valid(body):
		o, err = loose(body)
		return o, false, err
	}
	o, err = ParseReply(body, "")
	return o, wrapped, err
}

// flat returns the tokens of o and their lifetimes, where each token is an object of its
// own: {"accessToken":{"value":"…","expiresIn":300},"refreshToken":{…}}.
func flat(o Object) Object {
	found := Object{}
	for _, kind := range [][]string{{memberAccess, memberExpires}, {memberRefresh, memberRefreshExpires}} {
		inner, is := Object{kind[0]: o.Member(kind[0])}.FirstOf(kind[0])
		text, err := json.Marshal(inner.Text("value", memberAccessShort, kind[0]))
		if is && err == nil {
			found[kind[0]], found[kind[1]] = text, inner.Member(memberExpires)
		}
	}
	return found
}

// withRefresh returns o with the one refresh token that stands elsewhere in the body, if
// o has none.
func withRefresh(o Object, body []byte) Object {
	for _, name := range []string{memberRefresh, memberRefreshCamel} {
		if o.Text(memberRefresh, memberRefreshCamel) != "" {
			break
		}
		if text, err := json.Marshal(UniqueText(body, name)); err == nil {
			o[memberRefresh] = text
		}
	}
	return o
}

// loose reads a body that is no JSON, as one that was cut or has a slip in it. It needs
// both tokens: without the refresh token, more may be missing.
func loose(body []byte) (Object, error) {
	o := Object{}
	for _, name := range []string{memberAccess, memberRefresh, memberExpires, memberRefreshExpires, "id"} {
		if text, err := json.Marshal(Loose(body, name)); err == nil {
			o[name] = text
		}
	}
	if o.Text(memberAccess) == "" || o.Text(memberRefresh) == "" {
		return nil, errors.New("no JSON object, nor an access token and a refresh token in another form")
	}
	return o, nil
}

// withID returns o with the id of the first of others that has one, if it has none.
func withID(o Object, others ...Object) Object {
	for _, other := range others {
		if o.ID("id") == "" && other.ID("id") != "" {
			o["id"] = other["id"]
		}
	}
	return o
}

// access returns the access token and the name of its member. Exact names come first.
func (f Forms) access(o Object) (access, name string) {
	for _, exact := range []bool{true, false} {
		for _, name := range contract.AccessNames() {
			if f.AccessToken != AnyForm && f.AccessToken != "" && f.AccessToken != name || exact && o[name] == nil {
				continue
			}
			if access := o.Text(name); access != "" {
				return withoutScheme(access), name
			}
		}
	}
	return "", ""
}

// withoutScheme returns an access token without the word of a header before it.
func withoutScheme(access string) string {
	access = strings.TrimSpace(access)
	scheme, rest, found := strings.Cut(access, " ")
	if found && strings.EqualFold(scheme, bearerScheme) {
		return strings.TrimSpace(rest)
	}
	return access
}
