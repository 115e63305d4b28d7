package tms_test

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"regent/agent/tms"
)

// rawServer accepts connections and gives each whole request to answer, which
// says what to write; then it closes the connection. It counts connections and
// requests by method.
type rawServer struct {
	net.Listener
	answer      func(*http.Request) string
	mu          sync.Mutex
	count       map[string]int
	connections int
	done        sync.WaitGroup
}

func serveRaw(t *testing.T, answer func(*http.Request) string) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{Listener: l, answer: answer, count: map[string]int{}}
	s.done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.done.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(s.stop)
	return s
}

func (s *rawServer) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.connections++
	s.mu.Unlock()
	r, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	io.Copy(io.Discard, r.Body)
	s.mu.Lock()
	s.count[r.Method]++
	s.mu.Unlock()
	io.WriteString(conn, s.answer(r))
}

// stop returns after the last connection.
func (s *rawServer) stop() {
	s.Close()
	s.done.Wait()
}

func (s *rawServer) url() string { return "http://" + s.Addr().String() }

// TestOnlyReadsAreRetried is the test of the main risk: a registration
// token must not lose a second count because some layer below us helped.
func TestOnlyReadsAreRetried(t *testing.T) {
	answers := map[string]string{
		"closes after the request": "",
		"cuts the header":          "HTTP/1.1 201 Cre",
		"cuts the body":            "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{\"authToken\"",
		"redirects, same method":   "HTTP/1.1 307 Temporary Redirect\r\nLocation: /token/api/v5/authTokens\r\nContent-Length: 0\r\n\r\n",
		"redirects to nowhere":     "HTTP/1.1 308 Permanent Redirect\r\nLocation: http://[::bad\r\nContent-Length: 0\r\n\r\n",
		"is busy":                  "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
		"throttles":                "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n",
		"timed out waiting for us": "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"fails":                    "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
	}
	refresh := func(mode string) func(*testing.T, *tms.Client, string) error {
		return func(t *testing.T, c *tms.Client, url string) error {
			_, err := c.Refresh(t.Context(), refreshAt(mode, url))
			return err
		}
	}
	calls := map[string]func(*testing.T, *tms.Client, string) error{
		"redeem": func(t *testing.T, c *tms.Client, _ string) error {
			_, err := c.Redeem(t.Context(), registration, device)
			return err
		},
		"refresh oidc": refresh(tms.ModeOIDC), "refresh tms": refresh(tms.ModeTMS),
	}
	for callName, call := range calls {
		for answerName, answer := range answers {
			t.Run(callName+", service "+answerName, func(t *testing.T) {
				t.Parallel()
				s := serveRaw(t, func(*http.Request) string { return answer })
				c := clientFor(t, tms.Options{Tenant: s.url()})
				if call(t, c, s.url()) == nil {
					t.Error("no failure")
				}
				c.Close()
				s.stop()
				if got := s.count["POST"] + s.count["PATCH"]; got != 1 || s.connections != 1 {
					t.Errorf("got %v on %d connections, want one request on one", s.count, s.connections)
				}
			})
		}
	}
}

// TestRedeemTakesAFreshConnection: the service closes idle connections just when
// we redeem. Go repeats a request that met such a connection, if it may.
func TestRedeemTakesAFreshConnection(t *testing.T) {
	var posts, connections atomic.Int32
	mux := http.NewServeMux()
	mux.HandleFunc("GET /token/api/v5/idpConfigurations", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"tokenEndpoint":"http://%s/auth/","realm":"ems"}`, r.Host)
	})
	mux.HandleFunc("POST /token/api/v5/authTokens", func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		if r.Header.Get("Idempotency-Key") != "" {
			t.Error("Idempotency-Key was sent")
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		conn.Close()
	})
	s := httptest.NewUnstartedServer(mux)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := clientFor(t, tms.Options{Tenant: s.URL})

	if _, err := c.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.CloseClientConnections() // the idle one, and the client may not know it yet
	_, err := c.Redeem(t.Context(), registration, device)
	wantReach(t, err, tms.Lost)
	if got := posts.Load(); got != 1 {
		t.Errorf("%d POSTs, want 1", got)
	}
	if got := connections.Load(); got != 2 {
		t.Errorf("%d connections, want 2", got)
	}
}

// TestEachRedemptionHasItsOwnConnection, even if the service would keep the last
// one, or speak HTTP/2.
func TestEachRedemptionHasItsOwnConnection(t *testing.T) {
	var connections atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close || r.ProtoMajor != 1 {
			t.Errorf("%s with close %t, want HTTP/1.1 and Connection: close", r.Proto, r.Close)
		}
		w.WriteHeader(http.StatusBadRequest)
	}))
	s.EnableHTTP2 = true
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.StartTLS()
	defer s.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	c := clientFor(t, tms.Options{Tenant: s.URL, ExtraCA: ca})
	for range 3 {
		_, err := c.Redeem(t.Context(), registration, device)
		wantReach(t, err, tms.Answered)
	}
	if got := connections.Load(); got != 3 {
		t.Errorf("%d connections, want 3", got)
	}
}

func TestDiscoverIsRepeated(t *testing.T) {
	const busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
	tests := []struct {
		name   string
		answer string // the first
		want   int    // requests
		ok     bool
	}{
		{"busy", busy, 2, true},
		{"bad gateway", strings.Replace(busy, "503", "502", 1), 2, true},
		{"throttled for a moment", strings.Replace(busy, "503 Service Unavailable", "429 Too Many\r\nRetry-After: 0", 1), 2, true},
		{"throttled, and no time named", strings.Replace(busy, "503 Service Unavailable", "429 Too Many", 1), 1, false},
		{"throttled for long", strings.Replace(busy, "503 Service Unavailable", "429 Too Many\r\nRetry-After: 60", 1), 1, false},
		{"refused", strings.Replace(busy, "503", "403", 1), 1, false},
		{"failed", strings.Replace(busy, "503", "500", 1), 1, false},
		{"lost", "", 1, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			s := serveRaw(t, func(r *http.Request) string {
				if asked.Add(1) == 1 {
					return tt.answer
				}
				body := fmt.Sprintf(`{"tokenEndpoint":"http://%s/","realm":"ems"}`, r.Host)
				return fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			})
			c := clientFor(t, tms.Options{Tenant: s.url()})
			_, err := c.Discover(t.Context())
			if got := err == nil; got != tt.ok {
				t.Errorf("got error %v, want success %t", err, tt.ok)
			}
			if got := int(asked.Load()); got != tt.want {
				t.Errorf("%d requests, want %d", got, tt.want)
			}
		})
	}
}
