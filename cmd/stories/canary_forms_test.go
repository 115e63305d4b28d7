package stories

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"
)

const (
	// pieceSize is how much of a secret gives it away: one that is cut off, as a
	// log may do it, is found too. Eight letters of the pieces are the index.
	pieceSize = 16
	indexSize = 8
)

// canaries are the secrets of a scenario. Each is unique, so that what is found
// anywhere has come from there. They are safe for concurrent use.
type canaries struct {
	mu    sync.Mutex
	kinds map[string]string // what each secret is
	index map[[indexSize]byte][]needle
}

// needle is a piece of a secret in one form.
type needle struct {
	text       string
	kind, form string
}

func newCanaries() *canaries {
	return &canaries{kinds: map[string]string{}, index: map[[indexSize]byte][]needle{}}
}

// add makes a secret one to look for, if it is not yet. Of one that is base64 of
// user:password, as a registration token is, so are the decoded text and both
// halves.
func (c *canaries) add(kind, secret string) {
	c.addAlone(kind, secret)
	plain, err := base64.StdEncoding.DecodeString(secret)
	user, password, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok {
		return
	}
	c.addAlone(kind+decodedPart, string(plain))
	c.addAlone(kind+userPart, user)
	c.addAlone(kind+passwordPart, password)
}

// What of a registration token is a secret beside it.
const (
	decodedPart  = ", decoded"
	userPart     = ", its user"
	passwordPart = ", its password"
)

func (c *canaries) addAlone(kind, secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.kinds[secret]; known || len(secret) < pieceSize {
		return
	}
	c.kinds[secret] = kind
	// And the whole: a letter of several bytes that stands across two pieces is
	// written otherwise in each.
	pieces := []string{secret}
	for at := 0; at < len(secret); at += pieceSize {
		pieces = append(pieces, secret[min(at, len(secret)-pieceSize):][:pieceSize])
	}
	for _, piece := range pieces {
		for form, texts := range formsOf(piece) {
			for _, text := range texts {
				key := [indexSize]byte([]byte(text))
				c.index[key] = append(c.index[key], needle{text, kind, form})
			}
		}
	}
}

// find returns what of the secrets is in b, each kind and form once; nothing of
// the secrets themselves.
func (c *canaries) find(b []byte) []needle {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []needle
	for i := 0; i+indexSize <= len(b); i++ {
		for _, n := range c.index[[indexSize]byte(b[i:i+indexSize])] {
			hit := needle{kind: n.kind, form: n.form}
			if bytes.HasPrefix(b[i:], []byte(n.text)) && !slices.Contains(found, hit) {
				found = append(found, hit)
			}
		}
	}
	return found
}

// formsOf returns the ways in which a secret may be written, beside as it is.
func formsOf(s string) map[string][]string {
	b := []byte(s)
	forms := map[string][]string{
		"plain":  {s},
		"hex":    {hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b))},
		"URL":    {url.QueryEscape(s), url.PathEscape(s), percent(b, "%%%02X"), percent(b, "%%%02x")},
		"bytes":  {byteList(b, " "), byteList(b, ",")},
		"UTF-16": {string(utf16Text(s))},
		"quoted": {withoutPadding(strconv.Quote(s)), withoutPadding(strconv.QuoteToASCII(s)), inJSON(s)},
	}
	for shift := range 3 {
		name := fmt.Sprintf("base64, %d bytes before it", shift)
		forms[name] = []string{unaligned(base64.StdEncoding, b, shift), unaligned(base64.URLEncoding, b, shift)}
	}
	for name, texts := range forms {
		slices.Sort(texts)
		forms[name] = slices.Compact(texts)
	}
	return forms
}

// unaligned is what of b's base64 does not depend on what stands around it, when
// shift bytes, or three more, stand before it.
func unaligned(e *base64.Encoding, b []byte, shift int) string {
	text := e.EncodeToString(append(make([]byte, shift), b...))
	return text[(8*shift+5)/6 : 8*(shift+len(b))/6]
}

// byteList is how Go prints bytes, and how others do.
func byteList(b []byte, between string) string {
	var text []string
	for _, c := range b {
		text = append(text, strconv.Itoa(int(c)))
	}
	return strings.Join(text, between)
}

func percent(b []byte, format string) string {
	var text strings.Builder
	for _, c := range b {
		fmt.Fprintf(&text, format, c)
	}
	return text.String()
}

func utf16Text(s string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

func withoutPadding(quoted string) string { return strings.Trim(quoted, `"`) }

func inJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a text is always JSON
	}
	return withoutPadding(string(b))
}

// TestCanariesAreFound plants each form of a secret, and of a part of one, in the
// middle of something else. A search that finds nothing has to be able to.
func TestCanariesAreFound(t *testing.T) {
	secrets := map[string]string{
		"as a token":   "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4",
		"with escapes": `p:w/ü "\ +&?#%=<>` + "\x7fmore of it",
		"binary":       string(bytes.Repeat([]byte{0, 0xff, 0x80, 7}, 8)),
	}
	for name, secret := range secrets {
		c := newCanaries()
		c.add("canary", secret)
		for form, texts := range formsOf(secret) {
			for _, text := range texts {
				for _, part := range []string{text, text[:3*len(text)/4], text[len(text)/4:]} {
					if found := c.find([]byte("before " + part + " after")); len(found) == 0 {
						t.Errorf("%s as %s: %q is not found", name, form, part)
					}
				}
			}
		}
		for at := range 7 { // wherever it stands in what is encoded
			text := base64.StdEncoding.EncodeToString([]byte("padding"[:at] + secret + "after"))
			if len(c.find([]byte(text))) == 0 {
				t.Errorf("%s: base64 after %d bytes is not found", name, at)
			}
		}
		if found := c.find([]byte("nothing of the kind: eyJhbGciOiJQQkVTMi1IUzI1NitBMTI4S1ci")); len(found) > 0 {
			t.Errorf("%s: found %v in what holds none", name, found)
		}
	}
}

// TestCanaryOfTheHalves: what a registration token decodes to is found in each form,
// whole and by halves, where the token itself does not stand.
func TestCanaryOfTheHalves(t *testing.T) {
	const user, password = "regtoken-user-0815-of-a-site", "S3cret/Passw0rd + \"XYZ\" ü%"
	c := newCanaries()
	c.add("registration token", base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	for part, secret := range map[string]string{decodedPart: user + ":" + password, userPart: user, passwordPart: password} {
		for form, texts := range formsOf(secret) {
			for _, text := range texts {
				found := c.find([]byte("for user " + text + " it failed"))
				if !slices.ContainsFunc(found, func(n needle) bool { return n.kind == "registration token"+part }) {
					t.Errorf("registration token%s as %s: %q is not found", part, form, text)
				}
			}
		}
	}
}

// TestCanaryWithALetterAcrossPieces: one data key of thirty is such.
func TestCanaryWithALetterAcrossPieces(t *testing.T) {
	secret := strings.Repeat("\xff", pieceSize-1) + "é" + strings.Repeat("\xff", pieceSize-1)
	c := newCanaries()
	c.add("data key", secret)
	for form, texts := range formsOf(secret) {
		for _, text := range texts {
			if len(c.find([]byte("x="+text+";"))) == 0 {
				t.Errorf("as %s: %q is not found", form, text)
			}
		}
	}
}
