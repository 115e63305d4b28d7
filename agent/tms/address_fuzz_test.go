package tms

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"regent/agent/token"
)

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
		choose, err := proxyWith(Options{Proxy: proxy, ProxyCredentials: token.NewSecret(credentials)})
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
