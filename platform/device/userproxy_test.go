package device

import "testing"

func TestFor(t *testing.T) {
	tests := []struct {
		name    string
		setting Setting
		host    string
		want    string
		is      bool
	}{
		{"nothing", Setting{}, "demo-host.com", "", false},
		{"for all", Setting{Proxies: "proxy.example:8080"}, "demo-host.com", "proxy.example:8080", true},
		{"by scheme", Setting{Proxies: "http=a.example:80;https=b.example:8443"}, "demo-host.com", "b.example:8443", true},
		{"for http alone", Setting{Proxies: "http=a.example:80"}, "demo-host.com", "", false},
		{"as a URL", Setting{Proxies: "https=https://b.example:8443"}, "demo-host.com", "b.example:8443", true},
		{"its password is not told", Setting{Proxies: "http://user:secret@b.example:8080"}, "demo-host.com", "b.example:8080", true},
		{"nonsense", Setting{Proxies: "http://%zz"}, "demo-host.com", "", false},
		{"a script", Setting{Script: true}, "demo-host.com", "", true},
		{"a script and a proxy", Setting{Script: true, Proxies: "b.example:8080"}, "demo-host.com", "b.example:8080", true},
		{"spared", Setting{Proxies: "b.example:8080", Bypass: "x.example;*.corp.example"}, "TMS.corp.example", "", false},
		{"another is spared", Setting{Proxies: "b.example:8080", Bypass: "x.example *.corp.example"}, "corp.example.com", "b.example:8080", true},
		{"local", Setting{Proxies: "b.example:8080", Bypass: "<local>"}, "tms", "", false},
		{"not local", Setting{Proxies: "b.example:8080", Bypass: "<local>"}, "tms.example", "b.example:8080", true},
		{"a bad pattern", Setting{Proxies: "b.example:8080", Bypass: "[;*"}, "tms.example", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, is := tt.setting.For(tt.host); got != tt.want || is != tt.is {
				t.Errorf("got %q, %t, want %q, %t", got, is, tt.want, tt.is)
			}
		})
	}
}
