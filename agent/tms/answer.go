package tms

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// maxBody bounds an answer's body, in bytes. Tokens that come with much else are kept.
const maxBody = 4 << 20

// longestRetryAfter caps a Retry-After.
const longestRetryAfter = time.Hour

// Answer is a whole 2xx answer. Its body may hold secrets.
type Answer struct {
	Body []byte
	Date time.Time // the server's own, else ours
	ETag string    // the version of the object in it, or ""
}

// readBody reads an answer to its end, and returns it as text, whatever it was packed in.
// With an error it returns the bytes that arrived.
func readBody(answer *http.Response) ([]byte, error) {
	body, err := bounded(answer.Body)
	for range mostPackings {
		inner, is, unpackErr := unpacked(body, answer.Header.Get("Content-Encoding"))
		if !is { // it only looks packed
			break
		}
		body, err = inner, errors.Join(err, unpackErr)
	}
	return asText(body, answer.Header.Get("Content-Type")), err
}

// mostPackings is how often a body may be packed, one in the other.
const mostPackings = 2

// bounded reads r to its end, or to the bound.
func bounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	switch {
	case len(body) > maxBody:
		return body[:maxBody], fmt.Errorf("the answer is longer than %d bytes", maxBody)
	case err != nil:
		return body, fmt.Errorf("read the answer: %w", err)
	}
	return body, nil
}

// unpacked returns the decompressed body, and whether it was compressed. No compression
// was requested, so the first bytes of the body count, and the header only if these say
// nothing.
func unpacked(body []byte, encoding string) (inner []byte, is bool, err error) {
	var r io.Reader
	switch {
	case bytes.HasPrefix(body, []byte("\x1f\x8b")):
		r, err = gzip.NewReader(bytes.NewReader(body))
	case !strings.Contains(strings.ToLower(encoding), "deflate") || len(body) == 0 || bytes.ContainsAny(body[:1], "{[<"):
		return nil, false, nil
	default:
		if r, err = zlib.NewReader(bytes.NewReader(body)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(body)), nil
		}
	}
	if err != nil {
		return nil, false, err
	}
	inner, err = bounded(r)
	if len(inner) > 0 && errors.Is(err, gzip.ErrHeader) { // something else stands behind it
		err = nil
	}
	return inner, len(inner) > 0, err
}

// asText returns body as UTF-8 without a byte order mark. UTF-16 and UTF-32 are
// recognized by their mark, or by the zeros beside the first character, which is ASCII in JSON.
func asText(body []byte, contentType string) []byte {
	begins := func(mark string) bool { return bytes.HasPrefix(body, []byte(mark)) }
	zero := func(i int) bool { return i < len(body) && body[i] == 0 }
	var e encoding.Encoding
	switch {
	case begins("\xff\xfe\x00\x00") || zero(1) && zero(2) && zero(3):
		e = utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case begins("\x00\x00\xfe\xff") || zero(0) && zero(1) && zero(2):
		e = utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case begins("\xff\xfe") || !zero(0) && zero(1):
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case begins("\xfe\xff") || zero(0) && !zero(1):
		e = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case !utf8.Valid(body) && latin(contentType):
		e = charmap.Windows1252
	default:
		return bytes.TrimPrefix(body, []byte("\ufeff"))
	}
	text, err := e.NewDecoder().Bytes(body)
	if err != nil {
		return body
	}
	return text
}

// latin reports whether a Content-Type names the usual encoding of one byte a character.
func latin(contentType string) bool {
	_, parameters, err := mime.ParseMediaType(contentType)
	return err == nil && slices.Contains([]string{"iso-8859-1", "latin1", "windows-1252"}, strings.ToLower(parameters["charset"]))
}

// serverDate returns the Date of an answer, and whether it has one.
func serverDate(h http.Header) (time.Time, bool) {
	t, err := http.ParseTime(h.Get("Date"))
	return t, err == nil
}

// retryAfter reads Retry-After in both its forms: seconds, or a date, which
// counts from the server's own clock if it shows it. The result lies between 0
// and an hour.
func retryAfter(h http.Header, now func() time.Time) (d time.Duration, ok bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if strings.Trim(value, "0123456789") == "" {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n > int64(longestRetryAfter/time.Second) {
			return longestRetryAfter, true
		}
		return time.Duration(n) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	from, shown := serverDate(h)
	if !shown {
		from = now()
	}
	return min(max(0, at.Sub(from)), longestRetryAfter), true
}
