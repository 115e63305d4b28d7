package tms

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"regent/agent/tms/internal/reply"
	"regent/agent/token"
)

// authTokenOf reads the answer to a redemption, a refresh or a login, given at
// the time date of the server's clock.
func authTokenOf(body []byte, date time.Time, forms Forms) (AuthToken, error) {
	o, wrapped, err := forms.object(body)
	if err != nil {
		return AuthToken{}, err
	}
	access, name := forms.access(o)
	if !sendable(access) {
		return AuthToken{}, errors.New("no access token, or one that cannot stand in a header")
	}
	ttl, err := lifetime(o, access, date)
	if err != nil {
		return AuthToken{}, err
	}
	refreshTTL, _, err := seconds(o, memberRefreshExpires, memberRefreshCamelIn)
	if err != nil {
		return AuthToken{}, err
	}
	t := AuthToken{
		ID:         o.ID("id"),
		Access:     token.NewSecret(access),
		TTL:        ttl,
		RefreshTTL: max(0, refreshTTL),
		Form:       Form{wrapped, name},
	}
	if refresh := o.Text(memberRefresh, memberRefreshCamel); refresh != "" {
		t.Refresh = token.NewSecret(refresh)
	}
	return t, nil
}

// lifetime is what the answer says, else what the access token itself says.
func lifetime(o reply.Object, access string, date time.Time) (time.Duration, error) {
	ttl, said, err := seconds(o, memberExpires, memberExpiresCamel)
	if err != nil {
		return 0, err
	}
	if !said {
		if ttl, err = untilExp(access, date); err != nil {
			return 0, err
		}
	}
	if ttl <= 0 {
		return 0, fmt.Errorf("the access token's lifetime is not above 0: %s", ttl)
	}
	return ttl, nil
}

// seconds returns the first of the named members that is there.
func seconds(o reply.Object, names ...string) (d time.Duration, ok bool, err error) {
	for _, name := range names {
		if d, ok, err = o.Seconds(name); ok || err != nil {
			return d, ok, err
		}
	}
	return 0, false, nil
}

// untilExp reads the expiry of a JWT, whose signature is not ours to verify: we
// are not its audience.
func untilExp(jwt string, date time.Time) (time.Duration, error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return 0, errors.New("no expires_in, and the access token is no JWT that could tell")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0, errors.New("no expires_in, and the access token's payload is no base64")
	}
	claims, err := reply.Parse(payload, "")
	if err != nil {
		return 0, errors.New("no expires_in, and the access token's payload is no JSON object")
	}
	exp, ok, err := claims.Number("exp")
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, errors.New("no expires_in, and the access token has no exp")
	}
	return reply.Span(exp - float64(date.Unix())), nil
}
