package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	encoding "golang.org/x/text/encoding/unicode"
)

// MaxRegistration is the largest size of a registration token, in bytes.
const MaxRegistration = 16 << 10

// whiteSpace is the white space that editors and shells leave around a token.
const whiteSpace = " \t\r\n\v\f"

// ParseRegistration returns the registration token in content: a file, standard
// input, an answer at a prompt, a credential or a request. It removes white space
// around the token and a byte order mark, and reads UTF-16 that begins with one.
//
// It refuses content that cannot be a token by its form. The error is a reason and a next
// step, without the content. The caller puts the name of the source before it.
func ParseRegistration(content []byte) (Secret, error) {
	text, err := DecodeText(content)
	if err != nil {
		return Secret{}, err
	}
	text = strings.Trim(text, whiteSpace)
	if err := checkForm(text); err != nil {
		return Secret{}, err
	}
	return NewSecret(text), nil
}

// DecodeText removes a byte order mark, which Notepad and PowerShell write, and decodes
// UTF-16 with a byte order mark.
func DecodeText(content []byte) (string, error) {
	if rest, marked := bytes.CutPrefix(content, []byte("\xEF\xBB\xBF")); marked {
		return string(rest), nil
	}
	if bytes.HasPrefix(content, []byte("\xFF\xFE\x00\x00")) || bytes.HasPrefix(content, []byte("\x00\x00\xFE\xFF")) {
		return "", errors.New("is UTF-32: save it as UTF-8")
	}
	switch {
	case !bytes.HasPrefix(content, []byte("\xFE\xFF")) && !bytes.HasPrefix(content, []byte("\xFF\xFE")):
		if looksLikeUTF16(content) {
			return "", errors.New("looks like UTF-16 without its mark: save it as UTF-8")
		}
		return string(content), nil
	case len(content)%2 != 0:
		return "", errors.New("is UTF-16 and ends in the middle of a character: save it as UTF-8")
	}
	text, err := encoding.UTF16(encoding.BigEndian, encoding.ExpectBOM).NewDecoder().Bytes(content)
	return string(text), err
}

// looksLikeUTF16 reports whether content is ASCII in UTF-16: exactly every second byte is 0.
func looksLikeUTF16(content []byte) bool {
	var zeros [2]int
	for i, b := range content {
		if b == 0 {
			zeros[i%2]++
		}
	}
	half := len(content) / 2
	return half > 0 && (zeros[0] == 0 && zeros[1] == half || zeros[1] == 0 && zeros[0] >= half)
}

// checkForm refuses text that cannot be a registration token. The most helpful reasons come
// first.
func checkForm(text string) error {
	switch {
	case text == "":
		return errors.New("is empty: write the registration token into it, and nothing else")
	case len(text) > MaxRegistration:
		return fmt.Errorf("has %d bytes, and a registration token has at most %d: name the right file", len(text), MaxRegistration)
	}
	for _, f := range fileMistakes {
		if f.matches(text) {
			return errors.New(f.reason)
		}
	}
	if n := len(lines(text)); n > 1 {
		return checkLines(text, n)
	}
	for _, f := range lineMistakes {
		if f.matches(text) {
			return errors.New(f.reason)
		}
	}
	return checkBytes(text)
}

const onlyTokenHint = ", so that only the registration token is left" //nolint:gosec // it is advice

// knownMistake is a known wrong content of a token file.
type knownMistake struct {
	matches func(string) bool
	reason  string
}

// fileMistakes are the forms of a whole file, in any number of lines.
var fileMistakes = []knownMistake{
	{matchesPattern(`^-----BEGIN`), "is a key or a certificate in PEM form, and no registration token: name the right file"},
	{matchesPattern(`^[{\[]`), "is JSON or a template, and not the token alone: take out the value" + onlyTokenHint},
	{matchesPattern(`^<`), "is a placeholder or markup: put the registration token itself in its place"},
	{matchesPattern(`(?i)^(authorization\s*:|basic\s|basic:|bearer\s)`), `has the word "Basic" or another part of a request's header before it: remove that` + onlyTokenHint},
}

// lineMistakes are the forms of one line.
var lineMistakes = []knownMistake{
	{isJoined, "has two registration tokens without a line end in between, or something behind the end of one: leave one token in it and nothing else"},
	{matchesPattern(`^(export\s+|set\s+|\$env:|\$)?["']?[A-Za-z_][A-Za-z0-9_.-]*["']?\s*=\s*["']?[A-Za-z0-9+/_-]`), `has NAME= before the token: remove it, and quotes too` + onlyTokenHint},
	{matchesPattern(`^["']?[A-Za-z_][A-Za-z0-9_.-]*["']?\s*:\s`), `has "NAME:" before the token: remove it, and quotes too` + onlyTokenHint},
	{matchesPattern("^" + quote + "|" + quote + "$"), "stands in quotes: remove them" + onlyTokenHint},
	{matchesPattern(`^[A-Za-z][A-Za-z0-9+.-]*://`), "is a URL: put the registration token itself in its place"},
	{matchesPattern(`^(\$\w+|\$\{.*\}|\$\(.*\)|%\w+%|\$env:\w+)$`), "is the name of a variable and not its value: put the registration token itself in its place"},
}

func matchesPattern(pattern string) func(string) bool { return regexp.MustCompile(pattern).MatchString }

// lines returns the lines of s that are not blank, without white space around them.
func lines(s string) (out []string) {
	for line := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune("\r\n\v\f", r) }) {
		if line = strings.Trim(line, whiteSpace); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// checkLines classifies n lines: one token in pieces, several tokens, or a token with other
// text.
func checkLines(text string, n int) error {
	all := lines(text)
	sound := 0
	for _, line := range all {
		if isUserPassword(line) {
			sound++
		}
	}
	switch {
	case sound < n && isUserPassword(strings.Join(all, "")):
		return fmt.Errorf("has one registration token that is broken into %d lines: join them, for example with: tr -d ' \\t\\r\\n'", n)
	case sound == n:
		return fmt.Errorf("has %d registration tokens, one in each line: leave one in it and nothing else", n)
	}
	return fmt.Errorf("has %d lines, and a registration token is one line: leave that line alone in it; if the token itself was broken into lines, join them, for example with: tr -d ' \\t\\r\\n'", n)
}

// isJoined reports whether s continues after the padding of a token, or is the same token
// twice.
func isJoined(s string) bool {
	end := strings.LastIndexByte(strings.TrimRight(s, "="), '=')
	if end >= 0 {
		return (end+1)%4 == 0 && isUserPassword(s[:end+1]) && isBase64(s[end+1:])
	}
	half := len(s) / 2
	return len(s)%2 == 0 && s[:half] == s[half:] && isUserPassword(s[:half])
}

var isBase64 = matchesPattern(`^[A-Za-z0-9+/_-]+=*$`)

// quote is a quotation mark of any kind.
const quote = "[\"'`´„‚\\p{Pi}\\p{Pf}]"

// checkBytes names the first byte that a token cannot have.
func checkBytes(s string) error {
	for i := range len(s) {
		switch b := s[i]; {
		case b > ' ' && b <= '~':
			continue
		case b == ' ' || b == '\t':
			return fmt.Errorf("has a space inside, at byte %d: leave one registration token in it and nothing else", i+1)
		case b == 0:
			return fmt.Errorf("has a zero byte at byte %d, as UTF-16 without its mark has: save it as plain text", i+1)
		case b < ' ' || b == 0x7f:
			return fmt.Errorf("has a control character at byte %d: leave one registration token in it and nothing else", i+1)
		}
		return fmt.Errorf("has a character that is not ASCII at byte %d, which may be invisible: write the registration token again as plain text", i+1)
	}
	return nil
}

// FormatWarning says why a registration token may be incomplete; "" if its form is usual. One
// source of the vendor describes it as base64 of user:password, so another form is worth a
// warning but no refusal.
func FormatWarning(registration Secret) string {
	text := registration.Reveal() //nolint:forbidigo // its form is read, and it stays here
	const but = "it does not decode to user:password"
	switch {
	case isUserPassword(text) && len(text)%4 != 0:
		return "its length is not a multiple of 4, so its end may be missing"
	case isUserPassword(text):
		return ""
	case strings.Contains(text, ":"):
		return but + ": it has a colon, so it may be user:password without base64"
	case strings.Contains(strings.TrimRight(text, "="), "="):
		return but + ": it has = in the middle, so it may be two tokens"
	}
	return but + ", so it may be incomplete or something else"
}

// isUserPassword reports whether s is base64 of user:password, in either alphabet, with
// or without padding.
func isUserPassword(s string) bool {
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	text, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || !utf8.Valid(text) || bytes.ContainsFunc(text, unicode.IsControl) {
		return false
	}
	user, password, ok := strings.Cut(string(text), ":")
	return ok && user != "" && password != ""
}
