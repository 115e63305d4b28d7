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
	t := AuthToken{ID: o.ID("id"), RefreshTTL: life(o, refresh, date, 0, expired, memberRefreshExpires, memberRefreshCamelIn), Form: Form{wrapped, name}}
	if access != "" {
		t.Access, t.TTL = token.NewSecret(access), life(o, access, date, assumedLife, 0, memberExpires, memberExpiresCamel)
	}
	if refresh != "" {
		t.Refresh = token.NewSecret(refresh)
	}
	return t, nil
}

// expired is the life of a refresh token that had ended when it came: the shortest
// that is not unknown.
const expired = time.Nanosecond

// life returns how long a token is valid: unknown if nothing says it, and over if it has
// ended. It reads the first of the named members that is a number. If the token is a JWT,
// its own end counts if the answer has no number above 0, or a later end.
func life(o Object, text string, date time.Time, unknown, over time.Duration, names ...string) time.Duration {
	ttl, known := unknown, false
	for _, name := range names {
		if d, said, err := o.Seconds(name); err == nil && said {
			ttl, known = d, true
			break
		}
	}
	own, ok := untilExp(text, date)
	if ok && (!known || ttl <= 0 || own > 0 && own < ttl) {
		ttl = own
	}
	if ttl < 0 {
		return over
	}
	return ttl
}

// untilExp reads the expiry of a JWT. It does not verify the signature: Regent is not the
// audience. A JWT with the exp 0 does not expire.
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
