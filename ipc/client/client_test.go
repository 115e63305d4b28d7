package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/token"

	"regent/ipc/api"
	"regent/ipc/client"
	"regent/ipc/ipctest"
	"regent/ipc/server"
	"regent/platform/localsock"
	"regent/platform/peer"
)

// daemon is an agent that serves one application and knows one fault.
type daemon struct{}

func (daemon) Token(_ context.Context, by agent.Caller, q agent.TokenRequest) (agent.Grant, error) {
	if q.Application != "cad" {
		return agent.Grant{}, fault.New("token", fault.UnknownApplication, nil)
	}
	return agent.Grant{
		Access: token.NewSecret("tok-" + by.UID), ExpiresIn: 5 * time.Minute, ExpiresAt: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		Application: "cad", Instance: "cad/1", Tenant: "https://demo-host.com", Generation: 7,
	}, nil
}

func (daemon) Release(context.Context, agent.Caller, string, string) error { return nil }

func (daemon) Register(context.Context, agent.Caller, agent.Registration) (agent.RegisterResult, error) {
	return agent.RegisterResult{Tenant: "demo-host.com", Fingerprint: "0123abcd"}, nil
}

func (daemon) Redeem(context.Context, agent.Caller, string, string) error {
	return fault.New("redeem", fault.Throttled, nil).WithInstance("cad/1").WithRetry(time.Minute)
}

func (daemon) Resolve(context.Context, agent.Caller, string, bool) error { return nil }

func (daemon) Forget(context.Context, agent.Caller, string, string) error { return nil }

func (daemon) Administers(by agent.Caller) bool { return by.Admin }

func (daemon) VerifyLedger(context.Context, agent.Caller) error { return nil }

func (daemon) LeasedInstances(context.Context, agent.Caller) []status.Instance { return nil }

func (daemon) Status(context.Context, agent.Caller) (status.Status, error) {
	return status.Status{Health: status.Waiting}, nil
}

func (daemon) Ledger(context.Context, agent.Caller) ([]redeem.Entry, error) { return nil, nil }

func (daemon) Invalidate(context.Context, agent.Caller, string, string, uint64) error { return nil }

func (daemon) Explain(context.Context, agent.Caller, string, func() (agent.Caller, error)) (agent.Explanation, error) {
	return agent.Explanation{}, nil
}

func (daemon) Watch(context.Context, agent.Caller, string) (func(context.Context) ([]agent.Event, error), error) {
	return (&oneEvent{}).Next, nil
}

// oneEvent tells of one instance, and ends.
type oneEvent struct{ sent bool }

func (o *oneEvent) Next(context.Context) ([]agent.Event, error) {
	if o.sent {
		return nil, fault.New("watch", fault.Denied, nil)
	}
	o.sent = true
	return []agent.Event{{Instance: token.Instance{Tenant: "demo-host.com", Application: "cad", Number: 1}, State: token.Live, Generation: 8}}, nil
}

func (*oneEvent) Close() {}

func (daemon) Reload(context.Context, agent.Caller) error { return nil }

func (daemon) Policy(context.Context, agent.Caller) (api.Policy, error) { return api.Policy{}, nil }

func (daemon) StoreStatus(context.Context, agent.Caller) (api.Store, error) {
	return api.Store{State: "ok"}, nil
}

func (daemon) RunStoreOperation(_ context.Context, _ agent.Caller, verb string, _ bool) (api.Store, error) {
	return api.Store{State: "ok", Verb: verb}, nil
}

func (daemon) Unregister(context.Context, agent.Caller) (api.Store, error) {
	return api.Store{State: "ok"}, nil
}

// attested is a real peer of a real socket.
type attested struct{ *peer.Peer }

func (a attested) Caller() agent.Caller {
	return agent.Caller{Caller: authz.Caller{UID: a.UID}, Recheck: a.Recheck}
}

// serve runs the daemon at a socket and returns its path.
func serve(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agent.sock")
	ln, err := localsock.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Deps{
		Agent: daemon{}, StoreManager: daemon{}, Reload: daemon{}.Reload, Policy: daemon{}.Policy, Diagnose: daemon{}.Diagnose,
		AccountOf: func(c net.Conn) (server.Account, error) {
			uid, err := peer.UID(c)
			return server.Account{Name: uid}, err
		},
		Identify: func(c net.Conn) (server.IdentifiedCaller, error) {
			p, err := peer.Identify(c)
			return attested{p}, err
		},
		IdentifyPID:    func(int) (server.IdentifiedCaller, error) { return nil, errors.New("no process") },
		MaxConnections: 200, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ipctest.Serve(t, s, ln)
	return path
}

func dial(t *testing.T, path string) *client.Client {
	t.Helper()
	c := client.New(client.Options{Socket: path})
	t.Cleanup(c.Close)
	return c
}

// The whole way over a real socket, with both ends asking the kernel.
func TestRealSocket(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1") // must not be asked
	c := dial(t, serve(t))
	got, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"})
	if want := "tok-" + strconv.Itoa(os.Getuid()); err != nil || got.AccessToken != want || got.Instance != "cad/1" {
		t.Errorf("Token = %+v, %v; want %s", got, err, want)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Health != status.Waiting {
		t.Errorf("Status = %+v, %v", st, err)
	}
	if l, err := c.Ledger(t.Context()); err != nil || l.Entries == nil {
		t.Errorf("Ledger = %+v, %v; want an empty list", l, err)
	}
	if err := errors.Join(c.Release(t.Context(), "cad", "1"), c.Reload(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestFaultsReachClient(t *testing.T) {
	c := dial(t, serve(t))
	_, err := c.Token(t.Context(), api.TokenRequest{Application: "cam"})
	if f := fault.From(err); f.Kind != fault.UnknownApplication || f.Op != "token" || f.Text() == "" {
		t.Errorf("Token of an unknown application = %+v", f)
	}
	err = c.Redeem(t.Context(), "cad", "1")
	if f := fault.From(err); f.Kind != fault.Throttled || f.Instance != "cad/1" || f.Retry != time.Minute {
		t.Errorf("Redeem = %+v", f)
	}
	if err := c.Release(t.Context(), "../../status?", "1"); !errors.Is(err, fault.InvalidRequest) {
		t.Errorf("an application that would lead elsewhere: %v", err)
	}
}

func TestNotReachable(t *testing.T) {
	dead := filepath.Join(t.TempDir(), "dead.sock")
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	ln.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, socket, want string }{
		{"missing", filepath.Join(t.TempDir(), "no.sock"), "does not exist"},
		{"killed", dead, "regentd was killed"},
		{"no socket", file, file},
	} {
		_, err := dial(t, tt.socket).Status(t.Context())
		if !errors.Is(err, client.ErrNotReachable) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), tt.socket) {
			t.Errorf("%s: %v; want ErrNotReachable with %q and the path", tt.name, err, tt.want)
		}
		if strings.Contains(err.Error(), "http://") {
			t.Errorf("%s: the error names an address that does not exist: %v", tt.name, err)
		}
	}
}

// What an untrusted listener gets to see: nothing.
func TestUntrustedListenerGetsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "agent.sock")
	ln, err := localsock.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan []byte, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			got <- []byte(err.Error())
			return
		}
		defer c.Close()
		b, _ := io.ReadAll(c)
		got <- b
	}()
	_, err = client.DialChecked(t.Context(), path, client.Trust{UIDs: []string{"4242"}, Users: []string{"no-such-user"}})
	if !errors.Is(err, client.ErrNotReachable) || !strings.Contains(err.Error(), "uid "+strconv.Itoa(os.Getuid())) {
		t.Errorf("err = %v, want ErrNotReachable naming who listens", err)
	}
	if b := <-got; len(b) > 0 {
		t.Errorf("it was sent %q", b)
	}
}

func TestListenerTrust(t *testing.T) {
	own := strconv.Itoa(os.Getuid())
	if got := client.TrustFor("/tmp/mine.sock").UIDs; len(got) != 2 || got[0] != "0" || got[1] != own {
		t.Errorf("a socket of one's own: %q", got)
	}
	if got := client.TrustFor(localsock.DefaultPath); len(got.UIDs) != 1 || got.UIDs[0] != "0" || got.Users[0] != "regent" {
		t.Errorf("the installed socket: %+v", got)
	}
	c, err := client.DialChecked(t.Context(), serve(t), client.Trust{Users: []string{"root"}})
	if isRoot := os.Getuid() == 0; (err == nil) != isRoot {
		t.Errorf("trust by name: %v, and this is root: %v", err, isRoot)
	}
	if err == nil {
		c.Close()
	}
}

// clientOfHandler makes a client of something that answers h.
func clientOfHandler(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	ln := ipctest.NewListener()
	hs := &http.Server{Handler: h}
	done := make(chan error, 1)
	go func() { done <- hs.Serve(ln) }()
	t.Cleanup(func() { hs.Close(); <-done })
	c := client.New(client.Options{Dial: ln.Dial})
	t.Cleanup(c.Close)
	return c
}

func TestInvalidReplies(t *testing.T) {
	for _, tt := range []struct {
		name string
		h    http.HandlerFunc
		want error
	}{
		{"a web server's 404", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, fault.Internal},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://evil.example/", http.StatusFound)
		}, client.ErrNotReachable},
		{"a problem without a code", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.ProblemType)
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"status":400}`)
		}, fault.Internal},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, client.ErrNotReachable},
		{"nothing", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, client.ErrNotReachable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := clientOfHandler(t, tt.h).Token(t.Context(), api.TokenRequest{Application: "cad"})
			if !errors.Is(err, tt.want) || got != (api.Token{}) {
				t.Errorf("Token = %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestContext(t *testing.T) {
	cause := errors.New("the user's patience")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if _, err := dial(t, serve(t)).Status(ctx); !errors.Is(err, cause) || errors.Is(err, client.ErrNotReachable) {
		t.Errorf("err = %v, want the context's cause", err)
	}
}
