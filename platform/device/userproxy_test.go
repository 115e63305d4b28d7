package device

import (
	"strings"
	"testing"
)

func TestProxyFor(t *testing.T) {
	tests := []struct {
		name    string
		setting ProxySettings
		host    string
		want    string
		is      bool
		wrong   string // in the error
	}{
		{"nothing", ProxySettings{}, "demo-host.com", "", false, ""},
		{"for all", ProxySettings{Proxies: "proxy.example:8080"}, "demo-host.com", "proxy.example:8080", true, ""},
		{"by scheme", ProxySettings{Proxies: "http=a.example:80;https=b.example:8443"}, "demo-host.com", "b.example:8443", true, ""},
		{"for http alone", ProxySettings{Proxies: "http=a.example:80"}, "demo-host.com", "", false, ""},
		{"as a URL", ProxySettings{Proxies: "https=https://b.example:8443"}, "demo-host.com", "b.example:8443", true, ""},
		{"its password is not told", ProxySettings{Proxies: "http://user:secret@b.example:8080"}, "demo-host.com", "b.example:8080", true, ""},
		{"nonsense", ProxySettings{Proxies: "http://%zz"}, "demo-host.com", "", false, `"http://%zz" is no proxy`},
		{"nonsense with a password", ProxySettings{Proxies: "https=user:se@cret@b.example:x"}, "demo-host.com", "", false, `"b.example:x" is no proxy`},
		{"no host", ProxySettings{Proxies: "https=:8080"}, "demo-host.com", "", false, `":8080" is no proxy`},
		{"nothing for a scheme", ProxySettings{Proxies: "https=;http=a.example:80"}, "demo-host.com", "", false, `"" is no proxy`},
		{"a port that is none", ProxySettings{Proxies: "b.example:99999"}, "demo-host.com", "", false, `"b.example:99999" is no proxy`},
		{"nonsense for http alone", ProxySettings{Proxies: "http=%zz"}, "demo-host.com", "", false, ""},
		{"nonsense that is not for the host", ProxySettings{Proxies: "%zz", Bypass: "*.com"}, "demo-host.com", "", false, ""},
		{"nonsense and a script", ProxySettings{Proxies: "%zz", HasScript: true}, "demo-host.com", "", false, `"%zz" is no proxy`},
		{"a scheme in capitals", ProxySettings{Proxies: "HTTPS=b.example:8443"}, "demo-host.com", "b.example:8443", true, ""},
		{"a password with =", ProxySettings{Proxies: "http://user:a=b@b.example:8080"}, "demo-host.com", "b.example:8080", true, ""},
		{"a script", ProxySettings{HasScript: true}, "demo-host.com", "", true, ""},
		{"a script and a proxy", ProxySettings{HasScript: true, Proxies: "b.example:8080"}, "demo-host.com", "b.example:8080", true, ""},
		{"spared", ProxySettings{Proxies: "b.example:8080", Bypass: "x.example;*.corp.example"}, "TMS.corp.example", "", false, ""},
		{"another is spared", ProxySettings{Proxies: "b.example:8080", Bypass: "x.example *.corp.example"}, "corp.example.com", "b.example:8080", true, ""},
		{"local", ProxySettings{Proxies: "b.example:8080", Bypass: "<local>"}, "tms", "", false, ""},
		{"not local", ProxySettings{Proxies: "b.example:8080", Bypass: "<local>"}, "tms.example", "b.example:8080", true, ""},
		{"a bad pattern", ProxySettings{Proxies: "b.example:8080", Bypass: "[;*"}, "tms.example", "", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, is, err := tt.setting.ProxyFor(tt.host)
			if got != tt.want || is != tt.is {
				t.Errorf("got %q, %t, want %q, %t", got, is, tt.want, tt.is)
			}
			if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("got %v, want %q", err, tt.wrong)
			}
			if err != nil && strings.Contains(err.Error(), "cret") {
				t.Errorf("%v shows a password", err)
			}
		})
	}
}
