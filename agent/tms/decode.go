package tms

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"regent/agent/token"
)

// authTokenOf reads the answer to a redemption, a refresh or a login, given at
// the time date of the server's clock. An answer with a token is never an error:
// its tokens were paid for, however short they live.
func authTokenOf(body []byte, date time.Time, forms Forms) (AuthToken, error) {
	o, wrapped, err := forms.object(body)
	if err != nil {
		return AuthToken{}, err
	}
	access, name := forms.access(o)
	if access == "" { // by another name than the configured one: it was bought all the same
		access, name = (Forms{}).access(o)
	}
	refresh := strings.TrimSpace(o.Text(memberRefresh, memberRefreshCamel))
	if access == "" && refresh == "" {
		return AuthToken{}, errors.New("no access token")
	}
	if len(refresh) > maxToken {
		return AuthToken{}, fmt.Errorf("the refresh token has %d bytes, and at most %d are kept", len(refresh), maxToken)
	}
	if !sendable(access) {
		access, name = "", ""
	}
	if access == "" && refresh == "" {
		return AuthToken{}, errors.New("the access token cannot stand in a header")
	}
	t := AuthToken{ID: o.ID("id"), RefreshTTL: refreshLife(o, refresh, date), Form: Form{wrapped, name}}
	if access != "" {
		t.Access, t.TTL = token.NewSecret(access), accessLife(o, access, date)
	}
	if refresh != "" {
		t.Refresh = token.NewSecret(refresh)
	}
	return t, nil
}

// accessLife returns how long an access token is good, 0 if it is over.
func accessLife(o Object, access string, date time.Time) time.Duration {
	ttl, known := lifetime(o, access, date, memberExpires, memberExpiresCamel)
	if !known {
		return assumedLife
	}
	return max(0, ttl)
}

// refreshLife returns how long a refresh token is good, 0 if that is unknown or
// without end, and over if it has ended.
func refreshLife(o Object, refresh string, date time.Time) time.Duration {
	ttl, _ := lifetime(o, refresh, date, memberRefreshExpires, memberRefreshCamelIn)
	if ttl < 0 {
		return expired
	}
	return ttl
}

// expired is the life of a refresh token that had ended when it came: the shortest
// that is not unknown.
const expired = time.Nanosecond

// lifetime is what the answer says of a token, in the first of the named members
// that is a number. It is what the token says, where the token is a JWT, if the
// answer says nothing above 0, or more than the token itself.
func lifetime(o Object, text string, date time.Time, names ...string) (ttl time.Duration, known bool) {
	for _, name := range names {
		if d, said, err := o.Seconds(name); err == nil && said {
			ttl, known = d, true
			break
		}
	}
	own, ok := untilExp(text, date)
	if ok && (!known || ttl <= 0 || own > 0 && own < ttl) {
		return own, true
	}
	return ttl, known
}

// untilExp reads the expiry of a JWT, whose signature is not ours to verify: we
// are not its audience. A JWT whose exp is 0 does not expire.
func untilExp(jwt string, date time.Time) (d time.Duration, ok bool) {
	claims, ok := claimsOf(jwt)
	if !ok {
		return 0, false
	}
	exp, said, err := claims.Number("exp")
	if err != nil || !said || exp <= 0 {
		return 0, false
	}
	return SecondsDuration(exp - float64(date.Unix())), true
}

// claimsOf reads the claims of a JWT without verifying it; ok is false of any other
// text.
func claimsOf(jwt string) (claims Object, ok bool) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	claims, err = ParseReply(payload, "")
	return claims, err == nil
}
