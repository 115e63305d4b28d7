package tms

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
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
	hide := redactor{secrets: []token.Secret{token.NewSecret(secret)}}
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

// FuzzTenantURL: what is accepted as a tenant's address, and as the address of
// the provider that it names, sends nothing in the clear to another device.
func FuzzTenantURL(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		u, err := tenantURL(text)
		if err != nil {
			return
		}
		if u.Host == "" || u.Path != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q was read as %q", text, u)
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u)) {
			t.Errorf("%q is sent in the clear", u)
		}
		if again, err := tenantURL(u.String()); err != nil || again.String() != u.String() {
			t.Errorf("%q was read again as %v, %v", u, again, err)
		}
		elsewhere := &url.URL{Scheme: "https", Host: "demo-host.com"}
		if e, err := endpointURL(text, elsewhere); err == nil && e.Scheme != "https" {
			t.Errorf("the endpoint %q is sent in the clear", e)
		}
	})
}

// namesHost reports whether what is searched for is the host of a URL, which an
// error may name.
func namesHost(address, text string) bool {
	u, err := url.Parse(address)
	return err == nil && strings.Contains(u.Host, text)
}

// FuzzProxy: the password of a proxy is in no error, however its address and
// its credentials are written, and goes to the proxy alone.
func FuzzProxy(f *testing.F) {
	const secret = "s3cr3tOfTheSeeds"
	f.Fuzz(func(t *testing.T, proxy, credentials string) {
		if proxy == "" || proxy == "system" {
			return // the environment's
		}
		choose, err := proxyFor(Options{Proxy: proxy, ProxyCredentials: token.NewSecret(credentials)})
		if err != nil {
			if strings.Contains(err.Error(), secret) && !namesHost(proxy, secret) {
				t.Errorf("the error shows the password: %v", err)
			}
			return
		}
		if choose == nil {
			return
		}
		u, err := choose(&http.Request{URL: &url.URL{Scheme: "https", Host: "demo-host.com"}})
		if err != nil || u == nil {
			t.Fatalf("%q was accepted and leads to %v, %v", proxy, u, err)
		}
		if u.Hostname() == "" {
			t.Errorf("%q names no proxy", proxy)
		}
		if password, ok := u.User.Password(); ok && !strings.Contains(proxy+credentials, password) && !strings.Contains(proxy, "%") {
			t.Errorf("a password that nobody gave: %q", password)
		}
	})
}

// FuzzFirst: what is found has the member that was looked for, stands in the
// body, and its numbers are within bounds; no error quotes the body.
func FuzzFirst(f *testing.F) {
	for _, body := range []string{`{"TOKEN":1}`, `"{\"token\":1}"`, `{"a":[{"to-ken":"x"}]} {`, ")]}'\n[{\"Token\":null}]"} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := FindObject(body, "token")
		if err != nil {
			if strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
			return
		}
		if o.Member("token") == nil || !json.Valid(whole(body)) {
			t.Errorf("found %v in %q", o, body)
		}
		for name := range o {
			if d, _, err := o.Seconds(name); err == nil && (d > longest || d < -longest) {
				t.Errorf("%s lasts %s", name, d)
			}
			if _, ok, err := o.Int(name); err == nil && ok && o.ID(name) == "" {
				t.Errorf("%s is a whole number and has no text", name)
			}
			if _, _, err := o.Number(name); err != nil && strings.Contains(err.Error(), "SECRET") && !strings.Contains(name, "SECRET") {
				t.Errorf("the error %v quotes", err)
			}
		}
	})
}
