package api

import (
	"encoding/json"
	"strconv"
	"time"
)

// AppendJSON appends what encoding/json makes of the token, but for characters
// that it escapes for browsers. It is what nearly every answer is.
func (t *Token) AppendJSON(b []byte) []byte {
	b = appendString(append(b, `{"access_token":`...), t.AccessToken)
	b = appendString(append(b, `,"token_type":`...), t.TokenType)
	b = strconv.AppendInt(append(b, `,"expires_in":`...), t.ExpiresIn, 10)
	b = t.ExpiresAt.AppendFormat(append(b, `,"expires_at":"`...), time.RFC3339Nano)
	b = appendString(append(b, `","application":`...), t.Application)
	b = appendString(append(b, `,"instance":`...), t.Instance)
	b = appendString(append(b, `,"tenant":`...), t.Tenant)
	b = strconv.AppendUint(append(b, `,"generation":`...), t.Generation, 10)
	return append(b, '}')
}

func appendString(b []byte, s string) []byte {
	if needsNoEscape(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return append(b, `""`...) // [unexpected] every string has a form
	}
	return append(b, quoted...)
}

// needsNoEscape reports whether s is its own form in JSON.
func needsNoEscape(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
