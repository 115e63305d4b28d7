package tms

import (
	"strings"
	"testing"
	"time"
)

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"no clock", Options{Tenant: "https://host", Now: nil}, "no clock"},
		{"no tenant", Options{}, "no tenant"},
		{"http", Options{Tenant: "http://demo.example.com"}, "demo.example.com: must be https"},
		{"another scheme", Options{Tenant: "ftp://host"}, "must begin with https://"},
		{"no host", Options{Tenant: "https://"}, "names no host"},
		{"a port alone", Options{Tenant: "https://:8443"}, "names no host"},
		{"a path", Options{Tenant: "https://host/token/api"}, "omit the path /token/api"},
		{"a query", Options{Tenant: "https://host/?a=b"}, "not contain ? or #"},
		{"a user", Options{Tenant: "https://me:SECRET@host"}, "not contain a user or password"},
		{"no URL", Options{Tenant: "https://me:SECRET@host:port"}, "the tenant is not a URL"},
		{"reply", Options{Tenant: "host", Forms: Forms{Reply: "both"}}, `reply "both": must be one of any, wrapped, bare`},
		{"access token", Options{Tenant: "host", Forms: Forms{AccessToken: "jwt"}}, `access token "jwt": must be one of any, access_token, accessToken, token`},
		{"authorization", Options{Tenant: "host", Forms: Forms{Authorization: "digest"}}, `authorization "digest": must be one of basic,`},
		{"relative path", Options{Tenant: "host", Forms: Forms{Path: "token"}}, "path: must begin"},
		{"climbing path", Options{Tenant: "host", Forms: Forms{Path: "/token/../x"}}, "path: must begin"},
		{"path with a query", Options{Tenant: "host", Forms: Forms{Path: "/token?x"}}, "path: must begin"},
		{"timeout", Options{Tenant: "host", Timeout: -time.Second}, "timeout must be above 0: -1s"},
		{"no CA", Options{Tenant: "host", ExtraCA: []byte("SECRET")}, "holds no certificate in PEM form"},
		{"proxy", Options{Tenant: "host", Proxy: "http://me:SECRET@proxy:port"}, "proxy has a port that is not a number"},
		{"a proxy's scheme", Options{Tenant: "host", Proxy: "ftp://me:SECRET@proxy"}, "proxy is not an http, https or socks5 URL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name != "no clock" {
				tt.o.Now = time.Now
			}
			_, err := New(tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("got error %v, want %q and no secret", err, tt.want)
			}
		})
	}
}

func TestNewAccepts(t *testing.T) {
	tests := []struct{ tenant, proxy, wantHost string }{
		{"https://demo-host.com/", "", "demo-host.com"},
		{"demo-host.com", "system", "demo-host.com"},
		{"https://demo-host.com:8443", "none", "demo-host.com:8443"},
		{"http://127.0.0.1:8080", "http://me:pw@proxy:3128", "127.0.0.1:8080"},
		{"http://[::1]:8080", "socks5://proxy:1080", "[::1]:8080"},
		{"http://localhost", "https://proxy", "localhost"},
		{"https://demo-host.com", "proxy:3128", "demo-host.com"},
	}
	for _, tt := range tests {
		t.Run(tt.tenant, func(t *testing.T) {
			c, err := New(Options{Tenant: tt.tenant, Proxy: tt.proxy, Now: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := c.Host(); got != tt.wantHost {
				t.Errorf("host %q, want %q", got, tt.wantHost)
			}
		})
	}
}

func TestEndpointURL(t *testing.T) {
	tests := []struct {
		endpoint, tenant, want string
	}{
		{"https://idp/auth/", "https://tenant", ""},
		{"https://idp/auth/", "http://127.0.0.1", ""},
		{"http://127.0.0.1:1/auth/", "http://127.0.0.1:2", ""},
		{"http://localhost/auth/", "https://127.0.0.1", ""},
		{"http://idp/auth/", "http://127.0.0.1", "idp must be https"},
		{"http://127.0.0.1/auth/", "https://tenant", "127.0.0.1 must be https"},
		{"http://127.0.0.1.evil.com/", "http://127.0.0.1", "must be https"},
		{"/auth/", "https://tenant", "must begin with https://"},
		{"//idp/auth/", "https://tenant", "must begin with https://"},
		{"https://u:SECRET@idp/", "https://tenant", "not contain a user or password"},
		{"https://idp/?x=", "https://tenant", "not contain ? or #"},
		{"https://idp\n/", "https://tenant", "no URL"},
	}
	for _, tt := range tests {
		t.Run(tt.endpoint+" of "+tt.tenant, func(t *testing.T) {
			tenant, err := tenantURL(tt.tenant)
			if err != nil {
				t.Fatal(err)
			}
			_, err = endpointURL(tt.endpoint, tenant)
			if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "SECRET")) {
				t.Errorf("got error %v, want %q", err, tt.want)
			}
		})
	}
}
