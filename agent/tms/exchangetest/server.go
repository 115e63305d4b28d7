package exchangetest

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// Server plays exchanges over TLS, in the order given.
type Server struct {
	URL string
	CA  []byte // PEM

	t    *testing.T
	mu   sync.Mutex
	next []Exchange
	got  []Values
}

// Serve starts a server for the exchanges. The test fails at its end if one was
// not asked for, and at once if something else was.
func Serve(t *testing.T, exchanges ...Exchange) *Server {
	t.Helper()
	s := &Server{t: t, next: exchanges}
	h := httptest.NewTLSServer(s)
	s.URL = h.URL
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
	t.Cleanup(func() {
		h.Close()
		for _, x := range s.next {
			t.Errorf("%s: was not asked for", x.Name)
		}
	})
	return s
}

// Values returns what the placeholders of the i-th exchange stood for.
func (s *Server) Values(i int) Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got[i]
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("read the request: %v", err)
	}
	if len(s.next) == 0 {
		s.t.Errorf("unexpected request: %s %s", r.Method, r.URL)
		http.Error(w, "no exchange left", http.StatusTeapot)
		return
	}
	x := s.next[0]
	s.next = s.next[1:]
	v := Values{"host": r.Host}
	for _, d := range x.differences(r, string(body), v) {
		s.t.Error(d)
	}
	s.got = append(s.got, v)
	for name := range x.Response.Header {
		w.Header().Set(name, v.Fill(x.Response.Header.Get(name)))
	}
	w.WriteHeader(x.Response.Status)
	if _, err := io.WriteString(w, v.Fill(x.Response.Body)); err != nil {
		s.t.Errorf("%s: answer: %v", x.Name, err)
	}
}
