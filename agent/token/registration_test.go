package token

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"
)

// sound decodes to user:password, as a registration token should.
const sound = "YWdlbnQtMDEyMzQ1NjpTRU5USU5FTC03ODk="

func utf16le(s string) string {
	b := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func TestParseRegistration(t *testing.T) {
	for name, content := range map[string]string{
		"bare":                      sound,
		"white space around":        "\t " + sound + " \r\n\v\f",
		"UTF-8 mark":                "\xEF\xBB\xBF" + sound + "\r\n",
		"UTF-16 mark":               utf16le(sound + "\r\n"),
		"UTF-16 mark, big-endian":   swap(utf16le(sound + "\r\n")),
		"UTF-16 mark and odd space": utf16le("\t" + sound),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseRegistration([]byte(content))
			if err != nil || got.Reveal() != sound {
				t.Errorf("got %q, %v", got.Reveal(), err)
			}
		})
	}
}

// swap exchanges the bytes of each pair.
func swap(s string) string {
	b := []byte(s)
	for i := 0; i+1 < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	return string(b)
}

// What cannot be a token by its form is refused, with the reason and a next
// step, and the error shows nothing of it.
func TestParseRegistrationRefuses(t *testing.T) {
	wrapped := base64.StdEncoding.EncodeToString([]byte("agent-01234567890123456789:" + strings.Repeat("SENTINEL", 12)))
	unpadded := base64.StdEncoding.EncodeToString([]byte("user:SENTINEL78"))
	other := base64.StdEncoding.EncodeToString([]byte("another:SENTINEL"))
	double := base64.StdEncoding.EncodeToString([]byte("us:SENTINEL789ab"))
	tests := []struct{ name, content, want string }{
		{"empty", "", "is empty"},
		{"blank", " \r\n\t", "is empty"},
		{"a mark alone", "\xEF\xBB\xBF\r\n", "is empty"},
		{"double quotes", `"` + sound + `"` + "\r\n", "in quotes"},
		{"single quotes", `'` + sound + `'`, "in quotes"},
		{"one quote at the end", sound + `"`, "in quotes"},
		{"typographic quotes", "“" + sound + "”", "in quotes"},
		{"backticks", "`" + sound + "`", "in quotes"},
		{"environment file", "REGISTRATION_TOKEN=" + sound + "\n", "NAME="},
		{"environment file, quoted", `REGISTRATION_TOKEN="` + sound + `"`, "NAME="},
		{"shell", "export TOKEN=" + sound, "NAME="},
		{"cmd", "set TOKEN=" + sound, "NAME="},
		{"PowerShell", `$env:TOKEN = "` + sound + `"`, "NAME="},
		{"ini", "token = " + sound, "NAME="},
		{"YAML", "registrationToken: " + sound, `"NAME:"`},
		{"JSON", `{"registrationToken":"` + sound + `"}`, "JSON"},
		{"JSON in lines", "{\n \"registrationToken\": \"" + sound + "\"\n}\n", "JSON"},
		{"list", `["` + sound + `"]`, "JSON"},
		{"template", "{{ registration_token }}", "template"},
		{"XML", "<registrationToken>" + sound + "</registrationToken>", "markup"},
		{"placeholder", "<SENTINEL>", "placeholder"},
		{"URL", "https://SENTINEL.example.com/token/api/v5/registrationTokens/1", "URL"},
		{"Basic", "Basic " + sound, `"Basic"`},
		{"basic", "basic\t" + sound, `"Basic"`},
		{"header", "Authorization: Basic " + sound, "header"},
		{"Bearer", "Bearer " + sound, "header"},
		{"PEM", "-----BEGIN CERTIFICATE-----\nSENTINEL\n-----END CERTIFICATE-----\n", "PEM"},
		{"two tokens", sound + "\n" + sound + "\n", "has 2 registration tokens, one in each line"},
		{"two tokens without padding", unpadded + "\r\n\r\n" + unpadded, "has 2 registration tokens, one in each line"},
		{"two tokens run together", sound + other, "two registration tokens without a line end"},
		{"two tokens with == run together", double + sound, "two registration tokens without a line end"},
		{"the same twice", unpadded + unpadded, "two registration tokens without a line end"},
		{"something behind the end", sound + "SENTINEL", "something behind the end"},
		{"a comment", "# SENTINEL\n" + sound, "has 2 lines, and a registration token is one line"},
		{"old Mac lines", "SENTINEL\rb", "has 2 lines"},
		{"wrapped", wrapped[:76] + "\n" + wrapped[76:152] + "\n" + wrapped[152:] + "\n", "broken into 3 lines: join"},
		{"wrapped at 64, CRLF", wrapped[:64] + "\r\n" + wrapped[64:128] + "\r\n" + wrapped[128:], "broken into 3 lines: join"},
		{"wrapped and indented", "  " + wrapped[:76] + "\n  " + wrapped[76:], "broken into 2 lines: join"},
		{"wrapped by a narrow window", wrapped[:10] + "\n" + wrapped[10:20] + "\n" + wrapped[20:], "broken into 3 lines: join"},
		{"wrapped, and of another form", strings.Repeat("SENTINEL", 8) + "\n" + "SENTINEL", "has 2 lines, and a registration token is one line: leave that line alone in it; if the token itself was broken"},
		{"inner space", "SENTINEL two", "space inside, at byte 9"},
		{"inner tab", "SENTINEL\ttwo", "space inside, at byte 9"},
		{"variable", "$SENTINEL", "variable"},
		{"variable in braces", "${SENTINEL}", "variable"},
		{"variable of cmd", "%SENTINEL%", "variable"},
		{"control character", " SENTINEL\x1b", "control character at byte 9"},
		{"delete", "\x7fSENTINEL", "control character at byte 1"},
		{"zero", "SENTINEL\x00", "zero byte"},
		{"UTF-16 without a mark", utf16le("SENTINEL")[2:], "UTF-16 without its mark"},
		{"UTF-16 without a mark, with a line end", utf16le(sound + "\r\n")[2:], "looks like UTF-16 without its mark: save it as UTF-8"},
		{"UTF-16 without a mark, in quotes", utf16le(`"` + sound + `"`)[2:], "looks like UTF-16"},
		{"UTF-16 without a mark, big-endian", swap(utf16le(sound + "\n"))[2:], "looks like UTF-16"},
		{"UTF-16 without a mark, line end of one byte", utf16le(sound)[2:] + "\n", "looks like UTF-16"},
		{"UTF-32", "\xFF\xFE\x00\x00S\x00\x00\x00", "is UTF-32"},
		{"half of UTF-16", utf16le("SENTINEL") + "x", "middle of a character"},
		{"accent", "SENTINELé", "not ASCII at byte 9"},
		{"invisible", "SENTINEL\u200b", "not ASCII at byte 9"},
		{"mark inside", sound + "\ufeff", "not ASCII"},
		{"too long", strings.Repeat("x", MaxRegistration+1), "16385 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRegistration([]byte(tt.content))
			if err == nil || !strings.Contains(err.Error(), tt.want) || !got.IsZero() {
				t.Fatalf("got %q, %v, want %q", got.Reveal(), err, tt.want)
			}
			if strings.Contains(err.Error(), "SENTINEL") || strings.Contains(err.Error(), sound[:12]) {
				t.Errorf("the error shows the content: %v", err)
			}
		})
	}
}

func TestFormatWarning(t *testing.T) {
	for s, want := range map[string]bool{
		sound:                         false,
		strings.TrimRight(sound, "="): true, // its end may be missing
		"dXNlcjpwYXNz_-8=":            true, // not text
		base64.URLEncoding.EncodeToString([]byte("user:pass??>>")): false,
		sound[:30]:                   true,  // the first part of one
		sound[:32]:                   false, // and one that cannot be told from a whole one
		"user:password":              true,
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ": true,
		"TOKENTOKENTOKEN":            true,
		base64.StdEncoding.EncodeToString([]byte(":password")): true,
		base64.StdEncoding.EncodeToString([]byte("user:")):     true,
		base64.StdEncoding.EncodeToString([]byte("user:a\nb")): true,
		base64.StdEncoding.EncodeToString([]byte(sound)):       true,
	} {
		if got := FormatWarning(NewSecret(s)); (got != "") != want {
			t.Errorf("%s: got %q, want unproven %v", s, got, want)
		}
	}
}

func FuzzParseRegistration(f *testing.F) {
	for _, seed := range []string{
		sound, sound + "\n", " \t\r\n", "abc def", "\xef\xbb\xbf" + sound, utf16le(sound), swap(utf16le(sound)), "\xff\xfea", "abc\x00\x7f",
		"caf\xc3\xa9", `"` + sound + `"`, "NAME=" + sound, "export A='x'", "token: x", `{"a":"b"}`, "Basic " + sound, "https://a/b",
		"-----BEGIN X-----", "${A}", "<a>", sound[:16] + "\n" + sound[16:],
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := ParseRegistration(content)
		if (err == nil) == got.IsZero() {
			t.Fatalf("got %q and %v", got.Reveal(), err)
		}
		if err != nil {
			return
		}
		for _, b := range []byte(got.Reveal()) {
			if b <= ' ' || b > '~' {
				t.Errorf("%q has byte %#x", got.Reveal(), b)
			}
		}
		if !bytes.HasPrefix(content, []byte("\xff\xfe")) && !bytes.HasPrefix(content, []byte("\xfe\xff")) && !bytes.Contains(content, []byte(got.Reveal())) {
			t.Errorf("%q is not in %q", got.Reveal(), content)
		}
		if again, err := ParseRegistration([]byte(got.Reveal())); err != nil || !again.Equal(got) {
			t.Errorf("parsed again: %q, %v", again.Reveal(), err)
		}
	})
}
