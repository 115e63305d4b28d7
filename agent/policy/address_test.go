package policy

import (
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regent/agent/token"
)

func TestTenant(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"demo-host.com", "https://demo-host.com"},
		{"Demo-Host.COM/", "https://demo-host.com"},
		{"demo-host.com:8443", "https://demo-host.com:8443"},
		{"demo-host.com:443", "https://demo-host.com"},
		{"https://demo-host.com/", "https://demo-host.com"},
		{"HTTPS://demo-host.com:8443/", "https://demo-host.com:8443"},
		{"https://192.0.2.1", "https://192.0.2.1"},
		{"https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"},
		{"http://localhost:8080/", "http://localhost:8080"},
		{"http://127.8.9.1", "http://127.8.9.1"},
		{"http://[::1]:80", "http://[::1]"},
		{"https://[2001:0db8:0:0:0:0:0:1]", "https://[2001:db8::1]"},
		{"localhost:8080", "https://localhost:8080"},
		{"http://localhost:443", "http://localhost:443"},
		{"https://demo-host.com:80", "https://demo-host.com:80"},
	}
	for _, tt := range tests {
		got, err := checkTenant(tt.in)
		if got != tt.want || err != nil {
			t.Errorf("checkTenant(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
		if again, err := checkTenant(got); again != got || err != nil {
			t.Errorf("checkTenant(%q) = %q, %v: not its own normal form", got, again, err)
		}
	}
}

func TestTenantRefused(t *testing.T) {
	tests := []struct{ in, want string }{
		{"http://demo-host.com", "is http"},
		{"http://localhost.example.com", "is http"},
		{"http://127.evil.example.com", "is http"},
		{"http://1.127.0.1", "is http"},
		{"ftp://demo-host.com", "neither https"},
		{"://demo-host.com", "neither https"},
		{"https://demo-host.com/rmslm", "has a path"},
		{"demo-host.com/token/api/v5", "has a path"},
		{"https://demo-host.com//", "has a path"},
		{"https://alice@demo-host.com", "has a user"},
		{"https://demo-host.com/?a=b", "has a query"},
		{"https://demo-host.com#a", "has a query"},
		{"https://", "has no host"},
		{"https:// demo-host.com", "has a character"},
		{"https://demo_host.com\\x", "has a character"},
		{"https://dömö.com", "has a character"},
		{"demo-host.com.", "has a host with an empty"},
		{"-demo.com", "has a host with an empty"},
		{strings.Repeat("a.", 130) + "com", "has no host, or one longer"},
		{strings.Repeat("a", 64) + ".com", "too long"},
		{"demo-host.com:", "has a port"},
		{"demo-host.com:0", "has a port"},
		{"demo-host.com:65536", "has a port"},
		{"demo-host.com:08443", "has a port"},
		{"demo-host.com:443:443", "has a port"},
		{"192.0.2.256", "no IPv4"},
		{"127.1", "no IPv4"},
		{"[::1", "has a character"},
		{"[]", "no valid IPv6"},
		{"[::g]", "no valid IPv6"},
		{"[1::2::3]", "no valid IPv6"},
		{"[::1]8443", "something other than :port"},
	}
	for _, tt := range tests {
		if got, err := checkTenant(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("checkTenant(%q) = %q, %v, want an error with %q", tt.in, got, err, tt.want)
		}
	}
}

// TestTenantAsNetURL holds our strict reading against net/url's, which
// the client of the service goes by.
func TestTenantAsNetURL(t *testing.T) {
	part := rapid.SampledFrom([]string{"http", "https", "://", "a", "B", "9", "127", "0", "::", ":", ".", "-", "[", "]", "/", "localhost", "@", "%41", "?", " ", "443"})
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(part, 1, 8).Draw(t, "parts"), "")
		got, err := checkTenant(in)
		if err != nil {
			return
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Fatalf("%q became %q, which net/url refuses: %v", in, got, err)
		}
		if u.User != nil || u.Path != "" || u.RawQuery != "" || u.Host != token.TenantHost(got) || u.Hostname() == "" {
			t.Fatalf("%q became %q, which net/url reads as %+v", in, got, u)
		}
		ip, err := netip.ParseAddr(u.Hostname())
		if u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
			t.Fatalf("%q became %q: http to another device", in, got)
		}
	})
}

func TestProxy(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"system", "system"},
		{"none", "none"},
		{"http://Proxy.example.com:3128/", "http://proxy.example.com:3128"},
		{"HTTPS://proxy", "https://proxy"},
		{"socks5://[::1]:1080", "socks5://[::1]:1080"},
		{"socks5h://proxy:1080", "socks5h://proxy:1080"},
	} {
		if got, err := checkProxy(tt.in); got != tt.want || err != nil {
			t.Errorf("checkProxy(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	for _, tt := range []struct{ in, want string }{
		{"proxy:3128", "is not an http"},
		{"direct", "is not an http"},
		{"ftp://proxy", "is not an http"},
		{"http://alice:pw@proxy", "has a user or password"},
		{"alice:pw@proxy", "has a user or password"},
		{"http://proxy/path", "more than a host"},
		{"http://proxy?x", "more than a host"},
		{"http://", "has no host"},
		{"http://proxy:x", "has a port"},
	} {
		if got, err := checkProxy(tt.in); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("checkProxy(%q) = %q, %v, want an error with %q", tt.in, got, err, tt.want)
		}
	}
}

func TestNormalizeTenant(t *testing.T) {
	if got, err := NormalizeTenant("Demo-Host.com/"); got != "https://demo-host.com" || err != nil {
		t.Errorf("got %q, %v, want https://demo-host.com", got, err)
	}
	for _, in := range []string{"", "http://demo-host.com"} {
		if got, err := NormalizeTenant(in); err == nil {
			t.Errorf("NormalizeTenant(%q) = %q, want an error", in, got)
		}
	}
}

func TestHost(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"https://demo-host.com", "demo-host.com"},
		{"https://demo-host.com:8443", "demo-host.com:8443"},
		{"http://[::1]:80", "[::1]:80"},
		{"", ""},
	} {
		if got := token.TenantHost(tt.in); got != tt.want {
			t.Errorf("TenantHost(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestPath(t *testing.T) {
	for _, s := range []string{"", "/a", "/opt/cad bin/cad", `C:\Program Files\CAD\cad.exe`, "c:/cad/cad.exe", "/a/..b"} {
		if got, err := checkPath(s); got != s || err != nil {
			t.Errorf("checkPath(%q) = %q, %v, want it accepted", s, got, err)
		}
	}
	for _, s := range []string{"a", "./a", "../a", "~/a", "/", "//host/share", `\\host\share\a`, `C:a`, `C:\`, `\a`, "/a/../b", `C:\a\..\b`, "/a/", `C:\a\`, "1:/a"} {
		if _, err := checkPath(s); err == nil {
			t.Errorf("checkPath(%q) was accepted", s)
		}
	}
}
