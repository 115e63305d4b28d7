package tms_test

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/agent/tms"
	"regent/agent/token"
)

// tunnel is a proxy that asks for credentials and leads to one server.
type tunnel struct {
	to   string // the server's address
	want string // of Proxy-Authorization

	mu    sync.Mutex
	asked []string
}

// ServeHTTP implements [http.Handler].
func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := r.Header.Get("Proxy-Authorization")
	p.mu.Lock()
	p.asked = append(p.asked, got)
	p.mu.Unlock()
	if r.Method != http.MethodConnect || got != p.want {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	far, err := net.Dial("tcp", p.to)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	go func() { _, _ = io.Copy(far, near); far.Close() }()
	_, _ = io.Copy(near, far)
	near.Close()
}

func TestProxyCredentials(t *testing.T) {
	const secret = "alice:s3cret:with:colons"
	service := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "" {
			t.Error("the proxy's credentials went on to the service")
		}
		_, _ = io.WriteString(w, `{"tokenEndpoint":"`+"https://"+r.Host+`/auth","realm":"r","clientId":"c"}`)
	}))
	defer service.Close()
	proxy := &tunnel{to: service.Listener.Addr().String(), want: "Basic " + base64.StdEncoding.EncodeToString([]byte(secret))}
	gate := httptest.NewServer(proxy)
	defer gate.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: service.Certificate().Raw})

	for _, tt := range []struct {
		name    string
		secret  token.Secret
		success bool
	}{
		{"with credentials", token.NewSecret(secret), true},
		{"with wrong ones", token.NewSecret("alice:wr0ng"), false},
		{"without", token.Secret{}, false},
	} {
		c, err := tms.New(tms.Options{Tenant: "https://example.com", Proxy: gate.URL, ProxyCredentials: tt.secret, ExtraCA: ca, Timeout: time.Minute, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Discover(t.Context())
		if (err == nil) != tt.success {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "wr0ng") || !strings.Contains(err.Error(), "407")) {
			t.Errorf("%s: error %q, want the proxy's answer and no secret", tt.name, err)
		}
		c.Close()
	}
	_, err := tms.New(tms.Options{Tenant: "https://example.com", Proxy: gate.URL, ProxyCredentials: token.NewSecret("s3cret"), Now: time.Now})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("credentials without a colon: %v", err)
	}
}
