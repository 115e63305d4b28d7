package address

import (
	"net/url"
	"strings"
	"testing"
)

func TestParseProxy(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"http://Proxy.example.com:3128/", "http://proxy.example.com:3128"},
		{"HTTPS://proxy", "https://proxy"},
		{"socks5://[::1]:1080", "socks5://[::1]:1080"},
		{"socks5h://proxy:1080", "socks5h://proxy:1080"},
		{"proxy:3128", "http://proxy:3128"},
		{"http:3128", "http://http:3128"},
		{"https.example:3128", "http://https.example:3128"},
		{"10.1.2.3:3128", "http://10.1.2.3:3128"},
		{"alice:pw@proxy:3128", "http://alice:pw@proxy:3128"},
		{"http://alice@proxy", "http://alice@proxy"},
		{"http://alice:p%40s%25%23%5C@proxy:3128", "http://alice:p%40s%25%23%5C@proxy:3128"},
		{"http://CORP%5Calice:pw@proxy:3128", "http://CORP%5Calice:pw@proxy:3128"},
		{"http://alice:p@ss@proxy:3128", "http://alice:p%40ss@proxy:3128"},
	} {
		if got, err := ParseProxy(tt.in); err != nil || got.String() != tt.want {
			t.Errorf("Proxy(%q) = %v, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestParseProxyErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "has no host"},
		{"   ", "has a space"},
		{" http://proxy:3128", "has a space"},
		{"http://proxy:3128\r", "has a space or a line end"},
		{"\thttp://proxy:3128", "has a space"},
		{`"http://proxy:3128"`, "has quotes"},
		{`'http://proxy:3128'`, "has quotes"},
		{"ftp://proxy", "is not an http"},
		{"socks4://proxy:1080", "is not an http"},
		{"http//proxy:3128", `has no "://" after http`},
		{"http:/proxy:3128", `has no "://" after http`},
		{"http:127.0.0.1:3128", `has no "://" after http; write http://HOST:PORT`},
		{"HTTP:proxy:3128", `has no "://" after http`},
		{"https:proxy", `has no "://" after https`},
		{"http:alice:SECRET@proxy:3128", `has no "://" after http`},
		{"socks5:127.0.0.1:1080", `has no "://" after socks5; write socks5://HOST:PORT`},
		{"socks5h:/proxy", `has no "://" after socks5h`},
		{"http:", `has no "://" after http`},
		{"http://proxy/path", "more than a host"},
		{"http://proxy?x", "more than a host"},
		{"http://proxy:3128#x", "more than a host"},
		{"http://", "has no host"},
		{"http://alice:SECRET@", "has no host"},
		{"http://proxy:", "has a port"},
		{"http://proxy:70000", "has a port"},
		{"http://proxy:0", "has a port"},
		{"http://proxy 3128", "has a character"},
		{"http://::1:3128", "no host"},
		{"http://[::1", "has a character"},
		{"http://[fe80::1%25eth0]:3128", "no valid IPv6"},
		{"http://alice:SEC%RET@proxy:3128", "% as %25"},
		{"http://alice:SECRET%@proxy:3128", "% as %25"},
		{"http://alice:SEC#RET@proxy:3128", "# as %23"},
		{"http://alice:SEC/RET@proxy:3128", "/ as %2F"},
		{"http://alice:SEC?RET@proxy:3128", "? as %3F"},
		{"http://alice:SEC RET@proxy:3128", "a space as %20"},
		{`http://CORP\alice:SECRET@proxy:3128`, `\ as %5C`},
		{`CORP\alice:SECRET@proxy:3128`, `\ as %5C`},
		{"http://alice:SECRÄT@proxy:3128", "network.proxy_credentials_file"},
	} {
		got, err := ParseProxy(tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "SEC") {
			t.Errorf("Proxy(%q) = %v, %v, want an error with %q and no password", tt.in, got, err, tt.want)
		}
	}
}

// TestEnvironment: which proxy a URL goes by, as the environment has it.
func TestEnvironment(t *testing.T) {
	const a, b = "http://a:1", "http://b:2"
	for _, tt := range []struct{ name, env, url, want string }{
		{"none", "", "https://host", ""},
		{"capitals", "HTTPS_PROXY=" + a, "https://host", a},
		{"small", "https_proxy=" + a, "https://host", a},
		{"capitals first", "HTTPS_PROXY=" + a + " https_proxy=" + b, "https://host", a},
		{"for all", "ALL_PROXY=" + a, "https://host", a},
		{"for all, small", "all_proxy=socks5h://b:2", "https://host", "socks5h://b:2"},
		{"before that for all", "ALL_PROXY=" + a + " https_proxy=" + b, "https://host", b},
		{"for http alone", "HTTP_PROXY=" + a, "https://host", ""},
		{"http", "HTTP_PROXY=" + a + " HTTPS_PROXY=" + b, "http://host", a},
		{"http in CGI", "HTTP_PROXY=" + a + " REQUEST_METHOD=GET", "http://host", "!HTTP_PROXY in the environment is a header of the request"},
		{"https in CGI", "HTTP_PROXY=%% REQUEST_METHOD=GET", "https://host", ""},
		{"http in CGI, small", "http_proxy=" + a + " REQUEST_METHOD=GET", "http://host", a},
		{"this device", "HTTPS_PROXY=" + a, "https://localhost:8443", ""},
		{"this device by address", "HTTPS_PROXY=" + a, "https://127.9.9.9", ""},
		{"this device by IPv6", "HTTPS_PROXY=" + a, "https://[::1]:1", ""},
		{"a name that looks so", "HTTPS_PROXY=" + a, "https://127.0.0.1.example.com", a},
		{"does not parse", "HTTPS_PROXY=http://u:SEC#RET@a:1", "https://host", "!HTTPS_PROXY in the environment has a user or password"},
		{"small does not parse", "https_proxy=http://a:x", "https://host", "!https_proxy in the environment has a port"},
		{"for all does not parse", "ALL_PROXY='a'", "https://host", "!ALL_PROXY in the environment has quotes"},
		{"of this device", "HTTPS_PROXY=http://a:x", "https://127.0.0.1", ""},
		{"of a spared one", "HTTPS_PROXY=http://a:x NO_PROXY=host", "https://host", ""},
		{"spared", "HTTPS_PROXY=" + a + " NO_PROXY=x,host", "https://host:8443", ""},
		{"spared, small", "HTTPS_PROXY=" + a + " no_proxy=host", "https://HOST.", ""},
		{"spared below", "HTTPS_PROXY=" + a + " NO_PROXY=example.com", "https://a.example.com", ""},
		{"no end of a name", "HTTPS_PROXY=" + a + " NO_PROXY=example.com", "https://anexample.com", a},
		{"below alone", "HTTPS_PROXY=" + a + " NO_PROXY=.example.com", "https://example.com", a},
		{"below with a dot", "HTTPS_PROXY=" + a + " NO_PROXY=.example.com", "https://a.example.com", ""},
		{"below with a star", "HTTPS_PROXY=" + a + " NO_PROXY=*.Example.com", "https://a.example.com", ""},
		{"everything", "HTTPS_PROXY=" + a + " NO_PROXY=*", "https://host", ""},
		{"the port", "HTTPS_PROXY=" + a + " NO_PROXY=host:443", "https://host", ""},
		{"another port", "HTTPS_PROXY=" + a + " NO_PROXY=host:8443", "https://host", a},
		{"an address", "HTTPS_PROXY=" + a + " NO_PROXY=10.1.2.3", "https://10.1.2.3:8443", ""},
		{"an address with another port", "HTTPS_PROXY=" + a + " NO_PROXY=10.1.2.3:1", "https://10.1.2.3:8443", a},
		{"a network", "HTTPS_PROXY=" + a + " NO_PROXY=10.1.2.3/8", "https://10.200.0.1", ""},
		{"another network", "HTTPS_PROXY=" + a + " NO_PROXY=10.0.0.0/16", "https://10.200.0.1", a},
		{"IPv6", "HTTPS_PROXY=" + a + " NO_PROXY=2001:db8::1", "https://[2001:db8::1]", ""},
		{"IPv6 in brackets", "HTTPS_PROXY=" + a + " NO_PROXY=[2001:DB8::1]:443", "https://[2001:db8::1]", ""},
		{"an IPv6 network", "HTTPS_PROXY=" + a + " NO_PROXY=2001:db8::/32", "https://[2001:db8:1::1]", ""},
	} {
		u, err := url.Parse(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		proxy, _, err := FromEnvironment(environ(tt.env)).ProxyFor(u)
		got := ""
		switch {
		case err != nil:
			got = "!" + err.Error()
		case proxy != nil:
			got = proxy.String()
		}
		if want, fails := strings.CutPrefix(tt.want, "!"); fails && !strings.HasPrefix(got, "!"+want) || !fails && got != want || strings.Contains(got, "SEC") {
			t.Errorf("%s: %s goes by %q, want %q", tt.name, tt.url, got, tt.want)
		}
	}
}

// TestIgnored: what has no effect is told, and spares nothing.
func TestIgnored(t *testing.T) {
	for _, tt := range []struct {
		env  string
		want []string
	}{
		{"NO_PROXY=localhost,,10.0.0.0/8,[::1]:8,*", nil},
		{"NO_PROXY=192.168.*,<local>,10.0.0.0/99,http://host,h:70000,*host,*.1.2.3.4", []string{"entry 1 is not", "entry 2 is not", "entry 3 is not", "entry 4 is not", "entry 5 is not", "entry 6 is not", "entry 7 is not"}},
		{"no_proxy=a;b", []string{"no_proxy in the environment: entry 1 is not a host, address or network, so it has no effect"}},
		{"HTTP_PROXY=http://u:SEC#RET@a", []string{"HTTP_PROXY in the environment has a user or password"}},
		{"ALL_PROXY=http://a:x", nil}, // it is an error of each URL
	} {
		e := FromEnvironment(environ(tt.env))
		got := e.Ignored()
		if len(got) != len(tt.want) {
			t.Errorf("%s: ignored %v, want %q", tt.env, got, tt.want)
			continue
		}
		for i, err := range got {
			if !strings.Contains(err.Error(), tt.want[i]) || strings.Contains(err.Error(), "SEC") {
				t.Errorf("%s: ignored %v, want %q", tt.env, err, tt.want[i])
			}
		}
	}
}

// environ is an environment as env prints it, on one line.
func environ(text string) func(string) string {
	return func(name string) string {
		for v := range strings.FieldsSeq(text) {
			if value, is := strings.CutPrefix(v, name+"="); is {
				return value
			}
		}
		return ""
	}
}

// FuzzEnvironment: a URL goes by the proxy that is named, or is spared by an entry
// that means something, or fails with an error that shows nothing of the value.
func FuzzEnvironment(f *testing.F) {
	const secret = "s3cr3tOfTheSeeds"
	f.Fuzz(func(t *testing.T, proxy, spared string) {
		env := map[string]string{"HTTPS_PROXY": proxy, "NO_PROXY": spared}
		e := FromEnvironment(func(name string) string { return env[name] })
		got, from, err := e.ProxyFor(&url.URL{Scheme: "https", Host: "demo-host.com"})
		switch {
		case err != nil && (from != "HTTPS_PROXY" || !strings.Contains(err.Error(), "HTTPS_PROXY") || strings.Contains(err.Error(), secret)):
			t.Errorf("%q fails with %v", proxy, err)
		case err == nil && got == nil && proxy != "" && !strings.Contains(spared, "*") && !strings.Contains(strings.ToLower(spared), "com"):
			t.Errorf("%q was dropped, with NO_PROXY %q", proxy, spared)
		case got != nil:
			again, err := ParseProxy(got.String())
			if err != nil || again.String() != got.String() || got.Hostname() == "" {
				t.Errorf("%q was read as %q, and that as %v, %v", proxy, got, again, err)
			}
			if read, err := url.Parse(got.String()); err != nil || read.Host != got.Host {
				t.Errorf("%q was read as %q, which net/url reads as %v, %v", proxy, got, read, err)
			}
		}
	})
}
