package tms

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"regent/agent/token"
)

func FuzzProviderOf(f *testing.F) {
	tenant, err := tenantURL("https://host")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := providerOf(body)
		if err != nil {
			if p != (Provider{}) {
				t.Errorf("an error and %+v", p)
			}
			return
		}
		if p.TokenEndpoint == "" || p.Realm == "" || p.ClientID == "" {
			t.Errorf("something is missing in %+v", p)
		}
		if u, err := endpointURL(p.TokenEndpoint, tenant); err == nil && u.Scheme != "https" {
			t.Errorf("%s accepted for an https tenant", u)
		}
	})
}

func FuzzAuthTokenOf(f *testing.F) {
	for _, body := range nested {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := authTokenOf(body, date, Forms{})
		if err != nil {
			return
		}
		if got.Access.IsZero() && got.Refresh.IsZero() {
			t.Error("no token, and no error")
		}
		if !got.Access.IsZero() && !sendable(got.Access.Reveal()) {
			t.Errorf("the access token %q cannot stand in a header", got.Access.Reveal())
		}
		if got.TTL < 0 || got.TTL > tenYears || got.RefreshTTL < 0 || got.RefreshTTL > tenYears {
			t.Errorf("lifetimes %s and %s out of bounds", got.TTL, got.RefreshTTL)
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	f.Fuzz(func(t *testing.T, value, server string) {
		h := http.Header{"Retry-After": {value}, "Date": {server}}
		got, ok := retryAfter(h, func() time.Time { return date })
		if got < 0 || got > longestRetryAfter || got != 0 && !ok {
			t.Errorf("got %s, %t", got, ok)
		}
	})
}

func FuzzShapeOf(f *testing.F) {
	const secret = "s3cr&t"
	hide := redactor{token.NewSecret(secret)}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, message, ok := shapeOf(body)
		failure := Failure{
			Op: "redeem", Host: "host", Reach: Answered, Status: 400,
			Code: hide.text(code), Message: hide.text(message), ServiceShape: ok,
		}
		if !ok && failure.Code != "" {
			t.Errorf("code %q of what is not in the service's shape", failure.Code)
		}
		checkText(t, failure.Code, []string{secret})
		checkText(t, failure.Message, []string{secret})
		checkText(t, failure.Error()[:min(len(failure.Error()), maxText)], []string{secret})
	})
}

func FuzzReadBody(f *testing.F) {
	f.Add([]byte("\x1f\x8b\x08\x00junk"), "gzip", "application/json")
	f.Add([]byte("\xff\xfe{\x00}\x00"), "", "application/json; charset=utf-16")
	f.Add([]byte("\x78\x9c\x00"), "deflate", "")
	f.Add([]byte("{\"a\":\"\xfc\"}"), "", "text/plain; charset=latin1")
	f.Fuzz(func(t *testing.T, body []byte, encoding, contentType string) {
		h := http.Header{"Content-Encoding": {encoding}, "Content-Type": {contentType}}
		got, err := readBody(&http.Response{Header: h, Body: io.NopCloser(bytes.NewReader(body))})
		if len(got) > 4*maxBody {
			t.Errorf("%d bytes", len(got))
		}
		if json.Valid(body) && len(body) > 1 && body[0] == '{' && body[1] != 0 && (err != nil || !json.Valid(got)) {
			t.Errorf("%q became %q, %v", body, got, err)
		}
	})
}
