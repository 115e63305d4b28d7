package tms_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"regent/agent/tms"
)

const boughtReply = `{"authToken":{"id":"at-1","access_token":"a","refresh_token":"r","expires_in":300,"identifier":"some-identifier"}}`

func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func deflated(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func in(t *testing.T, e encoding.Encoding) string {
	t.Helper()
	s, err := e.NewEncoder().String(boughtReply)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPackedReplies: what was bought is read from whatever it comes packed in.
func TestPackedReplies(t *testing.T) {
	packed := zipped(t, boughtReply)
	tests := []struct {
		name, body string
		header     map[string]string
	}{
		{"gzip that was not asked for", packed, map[string]string{"Content-Encoding": "gzip"}},
		{"gzip that is not named", packed, nil},
		{"gzip, twice", zipped(t, packed), map[string]string{"Content-Encoding": "gzip, gzip"}},
		{"gzip without its end", packed[:len(packed)-6], nil},
		{"gzip, and something behind it", packed + "junk", nil},
		{"plain, and called gzip", boughtReply, map[string]string{"Content-Encoding": "gzip"}},
		{"deflate", deflated(t, boughtReply), map[string]string{"Content-Encoding": "deflate"}},
		{"plain, and called deflate", boughtReply, map[string]string{"Content-Encoding": "deflate"}},
		{"a byte order mark", "\ufeff" + boughtReply, nil},
		{"UTF-16 with its mark", in(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)), nil},
		{"UTF-16, the other order", in(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM)), nil},
		{"UTF-16 without a mark", in(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)), map[string]string{"Content-Type": "application/json; charset=utf-16le"}},
		{"UTF-16, the other order, without a mark", in(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)), nil},
		{"UTF-32", in(t, utf32.UTF32(utf32.BigEndian, utf32.UseBOM)), nil},
		{"UTF-32 without a mark", in(t, utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)), nil},
		{"latin1", strings.Replace(boughtReply, `"id"`, "\"user\":\"J\xfcrg\",\"id\"", 1), map[string]string{"Content-Type": "application/json;charset=ISO-8859-1"}},
		{"latin1 that is not named", strings.Replace(boughtReply, `"id"`, "\"user\":\"J\xfcrg\",\"id\"", 1), nil},
		{"no type", boughtReply, map[string]string{"Content-Type": ""}},
		{"called text", boughtReply, map[string]string{"Content-Type": "text/html; charset=\"utf-8"}},
		{"two megabytes", `{"x":"` + strings.Repeat("x", 2<<20) + `",` + boughtReply[1:], nil},
		{"more than is read", `{"x":1,` + boughtReply[1:len(boughtReply)-1] + `,"y":"` + strings.Repeat("y", 5<<20) + `"}`, nil},
		{"cut", boughtReply[:len(boughtReply)-4], map[string]string{"Content-Length": "4000"}},
		{"whole, and said to be longer", boughtReply, map[string]string{"Content-Length": "4000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				for name, value := range tt.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, tt.body)
			}))
			defer s.Close()
			c := clientFor(t, tms.Options{Tenant: s.URL})
			got, err := c.Redeem(t.Context(), registration, device)
			if err != nil || got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r" || got.ID != "at-1" {
				t.Errorf("got %+v, %v", got, err)
			}
			got, err = c.Refresh(t.Context(), refreshAt(tms.ModeTMS, s.URL))
			if err != nil || got.Access.Reveal() != "a" || got.Refresh.Reveal() != "r" {
				t.Errorf("of a refresh at the service: got %+v, %v", got, err)
			}
		})
	}
}

// TestUnreadReplyIsCarried: the body of a reply that cannot be read comes back with the
// evidence, unpacked and not in its text.
func TestUnreadReplyIsCarried(t *testing.T) {
	const body = `<authToken><accessToken>SENTINEL</accessToken></authToken>`
	for name, sent := range map[string]string{"plain": body, "packed": zipped(t, body)} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusCreated)
				io.WriteString(w, sent)
			}))
			defer s.Close()
			_, err := clientFor(t, tms.Options{Tenant: s.URL}).Redeem(t.Context(), registration, device)
			f, ok := errors.AsType[*tms.Failure](err)
			if !ok || f.Reach != tms.Lost || f.Unread.Reveal() != body || strings.Contains(fmt.Sprintf("%v %+v", err, *f), "SENTINEL") {
				t.Errorf("got %v", err)
			}
		})
	}
}
