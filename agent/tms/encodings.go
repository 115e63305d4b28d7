package tms

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// shortestHalf is the shortest half of a registration token that is masked, in
// bytes: a shorter one stands in every other word, and is no secret.
const shortestHalf = 4

// secretParts returns a secret and, if it is base64 of user:password as a registration
// token is (O), the decoded text and both halves, which are secrets as well.
func secretParts(secret string) []string {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		plain, err := e.DecodeString(secret)
		user, password, ok := strings.Cut(string(plain), ":")
		if err == nil && ok && utf8.Valid(plain) {
			return []string{secret, string(plain), user, password}
		}
	}
	return []string{secret}
}

// encodings returns the ways in which a service, or something before it, may write
// a secret that it was sent: as it is, escaped, and encoded.
func encodings(part string) []string {
	b := []byte(part)
	numbers := strings.Trim(fmt.Sprintf("%d", b), "[]")
	forms := []string{
		part, strings.ToLower(part), strings.ToUpper(part), url.QueryEscape(part), url.PathEscape(part), html.EscapeString(part),
		hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)), numbers,
		strings.ReplaceAll(numbers, " ", ","), strings.ReplaceAll(numbers, " ", ", "),
		strings.ReplaceAll(fmt.Sprintf("% x", b), " ", "%"), strings.ReplaceAll(fmt.Sprintf("% X", b), " ", "%"), // the first % is harmless
		strings.Trim(strconv.Quote(part), `"`), strings.Trim(strconv.QuoteToASCII(part), `"`),
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		encoded := e.EncodeToString(b)
		forms = append(forms, encoded, url.QueryEscape(encoded))
	}
	if len(b) >= shortestInside {
		for shift := range 3 {
			forms = append(forms, base64Inside(base64.StdEncoding, b, shift), base64Inside(base64.URLEncoding, b, shift))
		}
	}
	if quoted, err := json.Marshal(part); err == nil {
		forms = append(forms, strings.Trim(string(quoted), `"`))
	}
	return forms
}

// shortestInside is the shortest secret that is masked within the base64 of a
// longer text, in bytes: of a shorter one too few letters are its own.
const shortestInside = 8

// base64Inside returns what stands in the base64 of a longer text for b alone, when shift
// bytes, or three more, are before it.
func base64Inside(e *base64.Encoding, b []byte, shift int) string {
	text := e.EncodeToString(append(make([]byte, shift), b...))
	return text[(8*shift+5)/6 : 8*(shift+len(b))/6]
}
