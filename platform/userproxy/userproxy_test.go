package userproxy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

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

func TestEnvironment(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		host string
		want string
	}{
		{"nothing", nil, "demo-host.com", ""},
		{"set", map[string]string{"HTTPS_PROXY": "http://user:secret@b.example:8080"}, "demo-host.com", "b.example:8080"},
		{"in small letters", map[string]string{"https_proxy": "b.example:8080"}, "demo-host.com", "b.example:8080"},
		{"for http alone", map[string]string{"HTTP_PROXY": "b.example:8080"}, "demo-host.com", ""},
		{"spared", map[string]string{"HTTPS_PROXY": "b.example:8080", "NO_PROXY": "x.example,.demo-host.com"}, "tms.demo-host.com", ""},
		{"itself spared", map[string]string{"HTTPS_PROXY": "b.example:8080", "NO_PROXY": "demo-host.com"}, "demo-host.com", ""},
	}
	for _, tt := range tests {
		got, _ := environment(func(name string) string { return tt.env[name] }).For(tt.host)
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}
