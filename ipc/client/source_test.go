package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/ipc/ipctest"
)

// fakeAgent is an agent that hands out what a test says.
type fakeAgent struct {
	mu      sync.Mutex
	asked   int
	ttl     int64 // seconds
	refuse  fault.Kind
	events  chan api.Event
	offline bool
}

func (s *fakeAgent) set(change func(*fakeAgent)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *fakeAgent) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == api.PathWatch {
		w.Header().Set("Content-Type", api.EventType)
		for {
			select {
			case e := <-s.events:
				b, _ := json.Marshal(e)
				w.Write([]byte("event: instance\ndata: " + string(b) + "\n\n"))
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != api.PathToken {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.asked++
	if s.refuse != "" {
		w.Header().Set("Content-Type", api.ProblemType)
		w.WriteHeader(http.StatusForbidden)
		json.NewEncoder(w).Encode(api.Problem{Code: string(s.refuse)})
		return
	}
	json.NewEncoder(w).Encode(api.Token{
		AccessToken: "t", ExpiresIn: s.ttl, Application: "cad", Instance: "cad/1", Generation: uint64(s.asked),
	})
}

// withSource runs f with a source of the scripted agent's tokens.
func withSource(t *testing.T, f func(t *testing.T, s *fakeAgent, from *client.TokenSource)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &fakeAgent{ttl: 100, events: make(chan api.Event)}
		ln := ipctest.NewListener()
		hs := &http.Server{Handler: s}
		done := make(chan error)
		go func() { done <- hs.Serve(ln) }()
		c := client.New(client.Options{Dial: func(ctx context.Context) (net.Conn, error) {
			s.mu.Lock()
			offline := s.offline
			s.mu.Unlock()
			if offline {
				return nil, errors.New("nobody listens")
			}
			return ln.Dial(ctx)
		}})
		f(t, s, c.TokenSource(api.TokenRequest{Application: "cad"}))
		c.Close()
		hs.Close()
		<-done
	})
}

func wantGeneration(t *testing.T, from *client.TokenSource, want uint64) {
	t.Helper()
	if tok, err := from.Token(t.Context()); err != nil || tok.Generation != want {
		t.Errorf("generation %d, %v; want %d", tok.Generation, err, want)
	}
}

func TestSourceCaches(t *testing.T) {
	withSource(t, func(t *testing.T, _ *fakeAgent, from *client.TokenSource) {
		for range 10 {
			wantGeneration(t, from, 1)
		}
		time.Sleep(79 * time.Second)
		wantGeneration(t, from, 1)
		time.Sleep(time.Second)
		wantGeneration(t, from, 2)
	})
}

// A valid token is used on while the agent cannot be asked, and not one moment
// after its end.
func TestSourceWithoutAgent(t *testing.T) {
	withSource(t, func(t *testing.T, s *fakeAgent, from *client.TokenSource) {
		wantGeneration(t, from, 1)
		s.set(func(s *fakeAgent) { s.refuse = fault.Unavailable })
		time.Sleep(99 * time.Second)
		wantGeneration(t, from, 1)
		time.Sleep(time.Second)
		if tok, err := from.Token(t.Context()); !errors.Is(err, fault.Unavailable) || tok.AccessToken != "" {
			t.Errorf("after its end: %+v, %v", tok, err)
		}
		s.set(func(s *fakeAgent) { s.refuse = "" })
		if _, err := from.Token(t.Context()); err != nil {
			t.Errorf("with the agent again: %v", err)
		}
	})
}

// What was revoked is not used on, however long it would be valid.
func TestSourceRevoked(t *testing.T) {
	withSource(t, func(t *testing.T, s *fakeAgent, from *client.TokenSource) {
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := from.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		wantGeneration(t, from, 1)
		s.events <- api.Event{Instance: "cad/1", State: "live", Generation: 2}
		synctest.Wait()
		wantGeneration(t, from, 2)
		s.events <- api.Event{Instance: "cad/2", State: "live", Generation: 9}
		synctest.Wait()
		wantGeneration(t, from, 2)
		s.set(func(s *fakeAgent) { s.refuse = fault.Revoked })
		s.events <- api.Event{Instance: "cad/1", State: "revoked", Generation: 2}
		synctest.Wait()
		if tok, err := from.Token(t.Context()); !errors.Is(err, fault.Revoked) {
			t.Errorf("%+v, %v", tok, err)
		}
		stop()
		running.Wait()
	})
}

func TestSourceRefused(t *testing.T) {
	withSource(t, func(t *testing.T, _ *fakeAgent, from *client.TokenSource) {
		tok, err := from.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if next, err := from.ReplaceRejected(t.Context(), tok); err != nil || next.Generation != 2 {
			t.Errorf("%+v, %v", next, err)
		}
	})
}

// However many ask at once, the agent is asked once.
func TestSourceAsksOnce(t *testing.T) {
	withSource(t, func(t *testing.T, s *fakeAgent, from *client.TokenSource) {
		var asking sync.WaitGroup
		for range 100 {
			asking.Go(func() {
				if _, err := from.Token(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		asking.Wait()
		if s.asked != 1 {
			t.Errorf("the agent was asked %d times", s.asked)
		}
	})
}

func BenchmarkCachedToken(b *testing.B) {
	ln, err := net.Listen("unix", b.TempDir()+"/s")
	if err != nil {
		b.Fatal(err)
	}
	hs := &http.Server{Handler: &fakeAgent{ttl: 3600}}
	go hs.Serve(ln)
	defer hs.Close()
	c := client.New(client.Options{Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", ln.Addr().String())
	}})
	defer c.Close()
	from := c.TokenSource(api.TokenRequest{Application: "cad"})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := from.Token(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// A reader of events must not be led astray by a stream.
func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: instance\ndata: {\"instance\":\"cad/1\",\"state\":\"live\",\"generation\":8}\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := client.New(client.Options{Dial: func(context.Context) (net.Conn, error) {
			ours, theirs := net.Pipe()
			go func() {
				defer theirs.Close()
				theirs.Read(make([]byte, 4096))
				theirs.Write(append([]byte("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n"), b...))
			}()
			return ours, nil
		}})
		defer c.Close()
		n := 0
		for _, err := range c.Watch(t.Context(), "cad") {
			if n++; err != nil {
				return
			}
			if n > len(b) {
				t.Fatal("more events than bytes")
			}
		}
		t.Error("it ended without an error")
	})
}
