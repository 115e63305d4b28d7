package device

import "testing"

func TestProxyFor(t *testing.T) {
	tests := []struct {
		name    string
		setting ProxySettings
		host    string
		want    string
		is      bool
	}{
		{"nothing", ProxySettings{}, "demo-host.com", "", false},
		{"for all", ProxySettings{Proxies: "proxy.example:8080"}, "demo-host.com", "proxy.example:8080", true},
		{"by scheme", ProxySettings{Proxies: "http=a.example:80;https=b.example:8443"}, "demo-host.com", "b.example:8443", true},
		{"for http alone", ProxySettings{Proxies: "http=a.example:80"}, "demo-host.com", "", false},
		{"as a URL", ProxySettings{Proxies: "https=https://b.example:8443"}, "demo-host.com", "b.example:8443", true},
		{"its password is not told", ProxySettings{Proxies: "http://user:secret@b.example:8080"}, "demo-host.com", "b.example:8080", true},
		{"nonsense", ProxySettings{Proxies: "http://%zz"}, "demo-host.com", "", false},
		{"a script", ProxySettings{HasScript: true}, "demo-host.com", "", true},
		{"a script and a proxy", ProxySettings{HasScript: true, Proxies: "b.example:8080"}, "demo-host.com", "b.example:8080", true},
		{"spared", ProxySettings{Proxies: "b.example:8080", Bypass: "x.example;*.corp.example"}, "TMS.corp.example", "", false},
		{"another is spared", ProxySettings{Proxies: "b.example:8080", Bypass: "x.example *.corp.example"}, "corp.example.com", "b.example:8080", true},
		{"local", ProxySettings{Proxies: "b.example:8080", Bypass: "<local>"}, "tms", "", false},
		{"not local", ProxySettings{Proxies: "b.example:8080", Bypass: "<local>"}, "tms.example", "b.example:8080", true},
		{"a bad pattern", ProxySettings{Proxies: "b.example:8080", Bypass: "[;*"}, "tms.example", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, is := tt.setting.ProxyFor(tt.host); got != tt.want || is != tt.is {
				t.Errorf("got %q, %t, want %q, %t", got, is, tt.want, tt.is)
			}
		})
	}
}
