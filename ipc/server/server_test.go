package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/ipc/api"
	"regent/ipc/client"
	"regent/ipc/ipctest"
	"regent/ipc/server"
)

// withServer runs f with a server whose Serve must end well.
func withServer(t *testing.T, b *backend, f func(t *testing.T, h *testServer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, b)
		f(t, h)
		if err := h.stop(); err != nil {
			t.Errorf("Serve = %v", err)
		}
		if n := h.process.OpenHandles(); n != 0 {
			t.Errorf("%d callers are still held after Serve", n)
		}
		for line := range strings.Lines(h.log.String()) {
			if strings.Contains(line, "superfluous") || strings.Contains(line, "jwt.") {
				t.Errorf("log: %s", line)
			}
		}
	})
}

func TestToken(t *testing.T) {
	withServer(t, &backend{grant: longGrant(), delay: 40 * time.Second}, func(t *testing.T, h *testServer) {
		got, err := h.client(t).Token(t.Context(), api.TokenRequest{Application: "cad", Instance: "2", MinTTL: 60, Wait: 45})
		if err != nil {
			t.Fatal(err)
		}
		want := api.Token{
			AccessToken: strings.Repeat("jwt.", 1000), TokenType: "Bearer", ExpiresIn: 90,
			ExpiresAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Application: "cad", Instance: "cad/2",
			Tenant: "https://demo-host.com", Generation: 7,
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("Token (-got +want):\n%s", diff)
		}
		asked := []any{"alice", agent.TokenRequest{Application: "cad", Instance: "2", MinTTL: time.Minute, Wait: 45 * time.Second}}
		if diff := cmp.Diff(h.backend.asked, asked); diff != "" {
			t.Errorf("the agent was asked (-got +want):\n%s", diff)
		}
	})
}

func TestCalls(t *testing.T) {
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	b := &backend{entries: []redeem.Entry{{Seq: 1, At: at, Kind: redeem.Refused, Code: fault.RegistrationExhausted, Tenant: "t", Instance: "cad/1"}}}
	for _, tt := range []struct {
		name  string
		call  func(context.Context, *client.Client) (any, error)
		want  any
		asked []any
	}{
		{"status", func(ctx context.Context, c *client.Client) (any, error) { return c.Status(ctx) }, status.Status{Version: "1.2.3", Health: status.Serving, Store: status.Store{State: "ok"}}, []any{"", "status"}},
		{
			"ledger", func(ctx context.Context, c *client.Client) (any, error) { return c.Ledger(ctx) },
			api.Ledger{Entries: []api.LedgerEntry{{Seq: 1, At: at, Kind: "refused", Code: "registration_exhausted", Tenant: "t", Instance: "cad/1"}}},
			[]any{"alice", "ledger"},
		},
		{"release", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.Release(ctx, "cad", "1") }, nil, []any{"alice", "release", "cad", "1"}},
		{"redeem", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.Redeem(ctx, "cad", "12") }, nil, []any{"alice", "redeem", "cad", "12"}},
		{
			"verified ledger", func(ctx context.Context, c *client.Client) (any, error) { return c.VerifiedLedger(ctx) },
			api.Ledger{Entries: []api.LedgerEntry{{Seq: 1, At: at, Kind: "refused", Code: "registration_exhausted", Tenant: "t", Instance: "cad/1"}}, Verified: true},
			[]any{"alice", "verify", "alice", "ledger"},
		},
		{"resolve", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.Resolve(ctx, "regent-1", true) }, nil, []any{"alice", "resolve", "regent-1", true}},
		{"resolve the other way", func(ctx context.Context, c *client.Client) (any, error) {
			return nil, c.Resolve(ctx, "regent-1", false)
		}, nil, []any{"alice", "resolve", "regent-1", false}},
		{"forget", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.Forget(ctx, "cad", "2") }, nil, []any{"alice", "forget", "cad", "2"}},
		{"policy", func(ctx context.Context, c *client.Client) (any, error) { return c.Policy(ctx) }, api.Policy{Keys: []api.PolicyKey{{Key: "tenant", Level: "local", Status: api.PolicyStateOK}}}, []any{"alice", "policy"}},
		{
			"store", func(ctx context.Context, c *client.Client) (any, error) { return c.Store(ctx) },
			api.Store{State: "ok", Ledger: "ok", Damaged: []api.StoreDamage{}},
			[]any{"alice", "store"},
		},
		{
			"store verb", func(ctx context.Context, c *client.Client) (any, error) {
				return c.RunStoreOperation(ctx, "recover", true)
			},
			api.Store{State: "ok", Ledger: "ok", Verb: "recover", Counts: 3, Damaged: []api.StoreDamage{}},
			[]any{"alice", "recover", true},
		},
		{
			"unregister", func(ctx context.Context, c *client.Client) (any, error) { return c.Unregister(ctx) },
			api.Store{State: "ok", Ledger: "ok", Wiped: []api.WipedToken{{Instance: "cad/1"}}, Damaged: []api.StoreDamage{}},
			[]any{"alice", "unregister"},
		},
		{"reload", func(ctx context.Context, c *client.Client) (any, error) { return nil, c.Reload(ctx) }, nil, []any{"alice", "reload"}},
		{
			"register", func(ctx context.Context, c *client.Client) (any, error) {
				return c.Register(ctx, api.RegistrationRequest{RegistrationToken: "r3g", Tenant: "t", Application: "cad", Source: "file /x", Wait: 3})
			},
			api.Registration{Tenant: "demo-host.com", Fingerprint: "0123abcd", Stored: true, Instances: []status.Instance{}},
			[]any{"alice", "r3g", "t", "cad", "regent register by alice, file /x", true, 3 * time.Second},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.asked = nil
			withServer(t, b, func(t *testing.T, h *testServer) {
				got, err := tt.call(t.Context(), h.client(t))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(got, tt.want); diff != "" {
					t.Errorf("answer (-got +want):\n%s", diff)
				}
				if diff := cmp.Diff(b.asked, tt.asked); diff != "" {
					t.Errorf("the agent was asked (-got +want):\n%s", diff)
				}
			})
		})
	}
}

func TestEveryFaultKindReachesClient(t *testing.T) {
	seen := map[int]bool{}
	for _, kind := range fault.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			b := &backend{err: fmt.Errorf("outer: %w", fault.New("refresh", kind, errors.New("SENTINEL cause")).WithInstance("cad/1").WithRetry(1500*time.Millisecond))}
			withServer(t, b, func(t *testing.T, h *testServer) {
				_, err := h.client(t).Token(t.Context(), api.TokenRequest{Application: "cad"})
				got, ok := errors.AsType[*fault.Fault](err)
				if !ok {
					t.Fatalf("err = %v, want a fault", err)
				}
				want := fault.Fault{Op: "token", Kind: kind, Instance: "cad/1", Detail: fault.New("refresh", kind, nil).WithInstance("cad/1").Text(), Retry: 2 * time.Second}
				if diff := cmp.Diff(*got, want); diff != "" {
					t.Errorf("fault (-got +want):\n%s", diff)
				}
				if strings.Contains(err.Error(), "SENTINEL") {
					t.Errorf("the cause crossed: %v", err)
				}
				if !strings.Contains(h.log.String(), "SENTINEL cause") {
					t.Errorf("the cause is not in the log: %s", h.log.String())
				}
				resp, err := h.httpClient(t).Get("http://regent/v1/status")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				seen[resp.StatusCode] = true
				if internal := resp.StatusCode == http.StatusInternalServerError; internal != (kind == fault.Internal) {
					t.Errorf("HTTP status %d", resp.StatusCode)
				}
				if got := resp.Header.Get("Retry-After"); got != "2" {
					t.Errorf("Retry-After = %q, want 2", got)
				}
			})
		})
	}
	if len(seen) < 8 {
		t.Errorf("the kinds have only the statuses %v", seen)
	}
}

func TestUnknownErrorsAreInternal(t *testing.T) {
	for _, tt := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"a defect", errors.New("SENTINEL disk on fire"), fault.Internal},
		{"a bare kind", fmt.Errorf("SENTINEL: %w", fault.Revoked), fault.Revoked},
		{"given up", fmt.Errorf("SENTINEL: %w", context.Canceled), fault.Unavailable},
		{"a kind of the future", fault.New("x", "SENTINEL-free_kind", nil), "SENTINEL-free_kind"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withServer(t, &backend{err: tt.err}, func(t *testing.T, h *testServer) {
				_, err := h.client(t).Status(t.Context())
				if got := fault.KindOf(err); got != tt.want {
					t.Errorf("kind = %q, want %q", got, tt.want)
				}
				if strings.Contains(err.Error(), "SENTINEL ") {
					t.Errorf("the cause crossed: %v", err)
				}
			})
		})
	}
}

func TestNotIdentified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &testServer{backend: &backend{grant: longGrant()}, ln: ipctest.NewListener()}
		h.serve(t, func(net.Conn) (server.IdentifiedCaller, error) { return nil, errors.New("SENTINEL peer is gone") })
		_, err := h.client(t).Token(t.Context(), api.TokenRequest{Application: "cad"})
		if !errors.Is(err, fault.Denied) || strings.Contains(err.Error(), "SENTINEL") {
			t.Errorf("err = %v, want denied without the cause", err)
		}
		if h.backend.asked != nil {
			t.Errorf("the agent was asked %v for nobody", h.backend.asked)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestCallerGoneBeforeTheAnswer(t *testing.T) {
	b := &backend{grant: longGrant()}
	withServer(t, b, func(t *testing.T, h *testServer) {
		b.onStatus = func() { h.process.Exit(errors.New("became another program")) }
		got, err := h.client(t).Status(t.Context())
		if !errors.Is(err, fault.Denied) || got.Version != "" {
			t.Errorf("Status = %+v, %v; want denied", got, err)
		}
	})
}

func TestCallerIsOpenWhileConnected(t *testing.T) {
	withServer(t, &backend{}, func(t *testing.T, h *testServer) {
		c := h.client(t)
		for range 3 {
			if _, err := c.Status(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := h.process.OpenHandles(); n != 1 {
			t.Errorf("%d holds for one connection with three requests", n)
		}
		other := h.client(t)
		if _, err := other.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Close()
		synctest.Wait()
		if n := h.process.OpenHandles(); n != 1 {
			t.Errorf("%d holds after one of two connections ended", n)
		}
	})
}

func TestPanic(t *testing.T) {
	b := &backend{grant: longGrant()}
	withServer(t, b, func(t *testing.T, h *testServer) {
		b.onToken = func() { panic("SENTINEL") }
		_, err := h.client(t).Token(t.Context(), api.TokenRequest{Application: "cad"})
		if !errors.Is(err, fault.Internal) || strings.Contains(err.Error(), "SENTINEL") {
			t.Errorf("err = %v, want internal without the panic's value", err)
		}
		if !strings.Contains(h.log.String(), "SENTINEL") || !strings.Contains(h.log.String(), "server_test") {
			t.Errorf("the log lacks the panic or its place: %s", h.log.String())
		}
		if _, err := h.client(t).Status(t.Context()); err != nil {
			t.Errorf("the next request: %v", err)
		}
	})
}

func TestDrain(t *testing.T) {
	for _, tt := range []struct {
		name  string
		delay time.Duration
		want  fault.Kind
		took  time.Duration
	}{
		{"a request under way ends", 4 * time.Second, "", 5 * time.Second},
		{"one that takes too long is cut off", time.Hour, fault.Internal, 6 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &backend{grant: longGrant(), delay: tt.delay}
				h := newTestServer(t, b)
				began := time.Now()
				res := make(chan error, 1)
				go func() {
					_, err := h.client(t).Token(t.Context(), api.TokenRequest{Application: "cad"})
					res <- err
				}()
				time.Sleep(time.Second) // the request is under way
				if err := h.stop(); err != nil {
					t.Errorf("Serve = %v", err)
				}
				if took := time.Since(began); took > tt.took {
					t.Errorf("Serve took %v, want at most %v", took, tt.took)
				}
				err := <-res
				if (err == nil) != (tt.want == "") {
					t.Errorf("the request under way: %v", err)
				}
				if tt.want != "" && !errors.Is(b.ended, context.Canceled) {
					t.Errorf("the agent was not told: %v", b.ended)
				}
			})
		})
	}
}

// Who connected before the end is answered, also if the request comes a moment
// later: behind a socket that the service manager holds, no client may notice a
// restart.
func TestDrainAnswersAcceptedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestServer(t, &backend{})
		c, err := h.ln.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait() // accepted, and nothing read
		stopped := make(chan error, 1)
		go func() { stopped <- h.stop() }()
		time.Sleep(500 * time.Millisecond)
		if _, err := io.WriteString(c, "GET /v1/status HTTP/1.1\r\nHost: regent\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 200 ") {
			t.Errorf("got %q, %v", got, err)
		}
		if err := <-stopped; err != nil {
			t.Errorf("Serve = %v", err)
		}
	})
}

// sendRaw writes s over a connection of its own and returns all that comes back,
// and after how long.
func sendRaw(t *testing.T, h *testServer, s string) (string, time.Duration) {
	t.Helper()
	c, err := h.ln.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	began := time.Now()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return string(b), time.Since(began)
}

func TestSlowRequests(t *testing.T) {
	const head = "POST /v1/token HTTP/1.1\r\nHost: regent\r\n"
	for _, tt := range []struct {
		name, sent, want string
		after            time.Duration
	}{
		{"silence", "", "", 5 * time.Second},
		{"half a word", "GE", "HTTP/1.1 400 ", 5 * time.Second},
		{"half a header", head + "X-Slow: 1", "", 5 * time.Second},
		{"half a body", head + "Content-Length: 22\r\n\r\n{\"application\"", "HTTP/1.1 408 ", 5 * time.Second},
		{"a body that nobody wants", "GET /v1/status HTTP/1.1\r\nHost: regent\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 200 ", 0},
		{"chunks that nobody wants", "GET /v1/status HTTP/1.1\r\nHost: regent\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 200 ", 0},
		{"a body after a call without an answer", "DELETE /v1/instances/cad/1/lease HTTP/1.1\r\nHost: regent\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 204 ", 0},
		{"a body that is refused unread", head + "Origin: x\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 403 ", 0},
		{"nothing more", "GET /v1/status HTTP/1.1\r\nHost: regent\r\n\r\n", "HTTP/1.1 200 ", 2 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withServer(t, &backend{}, func(t *testing.T, h *testServer) {
				got, took := sendRaw(t, h, tt.sent)
				if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if took != tt.after {
					t.Errorf("it ended after %v, want %v", took, tt.after)
				}
			})
		})
	}
}

// A long wait must not be taken for a body that does not come.
func TestWaitOutlastsBodyTimeout(t *testing.T) {
	withServer(t, &backend{grant: longGrant(), delay: 10 * time.Minute}, func(t *testing.T, h *testServer) {
		if _, err := h.client(t).Token(t.Context(), api.TokenRequest{Application: "cad", Wait: 600}); err != nil {
			t.Error(err)
		}
	})
}

func TestCallerHangsUp(t *testing.T) {
	b := &backend{grant: longGrant(), delay: time.Hour}
	withServer(t, b, func(t *testing.T, h *testServer) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.client(t).Token(ctx, api.TokenRequest{Application: "cad"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("err = %v, want the context's", err)
		}
		synctest.Wait()
		if !errors.Is(b.ended, context.Canceled) {
			t.Errorf("the agent still waits for nobody: %v", b.ended)
		}
	})
}

// brokenListener is a listener that fails.
type brokenListener struct{ *ipctest.Listener }

func (brokenListener) Accept() (net.Conn, error) { return nil, errors.New("SENTINEL no more") }

func TestListenerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{}
		s, err := server.New(newDeps(b, ipctest.FixedCaller(authz.Caller{}, new(ipctest.Process)), slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Serve(t.Context(), brokenListener{ipctest.NewListener()}); err == nil || !strings.Contains(err.Error(), "SENTINEL") {
			t.Errorf("Serve = %v, want the listener's error", err)
		}
	})
}

func TestNewRequiresAllDeps(t *testing.T) {
	for f := range reflect.TypeFor[server.Deps]().Fields() {
		d := newDeps(new(backend), ipctest.FixedCaller(authz.Caller{}, new(ipctest.Process)), slog.New(slog.DiscardHandler))
		reflect.ValueOf(&d).Elem().FieldByIndex(f.Index).SetZero()
		if _, err := server.New(d); err == nil || !strings.Contains(err.Error(), f.Name) {
			t.Errorf("without %s: %v", f.Name, err)
		}
	}
}

func readResponse(t *testing.T, raw string) *http.Response {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), nil)
	if err != nil {
		t.Fatalf("%v: %q", err, raw)
	}
	return resp
}
