//go:build unix

package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/ipc/ipctest"
	"regent/ipc/server"
)

// hangups are the moments at which a client can hang up. Each is given a
// connection and a request.
var hangups = map[string]func(net.Conn, rawRequest){
	"after the connection":     func(net.Conn, rawRequest) {},
	"in the request line":      func(c net.Conn, r rawRequest) { writeParts(c, r.head[:5]) },
	"in the header":            func(c net.Conn, r rawRequest) { writeParts(c, r.head[:len(r.head)-3]) },
	"before the body":          func(c net.Conn, r rawRequest) { writeParts(c, r.head) },
	"in the body":              func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body[:len(r.body)/2]) },
	"before the answer":        func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body) },
	"before the second answer": func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body, r.head, r.body) },
	"with nothing more to say": func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body); _ = c.(*net.UnixConn).CloseWrite() },
	"while it is answered":     func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body); time.Sleep(backendDelay / 2) },
	"in the answer's header":   func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body); readBytes(c, 16) },
	"in the answer":            func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body); readBytes(c, 400) },
	"long after the answer":    func(c net.Conn, r rawRequest) { writeParts(c, r.head, r.body); time.Sleep(3 * backendDelay) },
}

// writeParts sends all that the server takes: it may have closed already.
func writeParts(c net.Conn, parts ...string) { _, _ = io.WriteString(c, strings.Join(parts, "")) }

// readBytes reads so many bytes, or what comes within a moment.
func readBytes(c net.Conn, n int) {
	_ = c.SetReadDeadline(time.Now().Add(5 * backendDelay))
	_, _ = io.ReadFull(c, make([]byte, n))
}

// backendDelay is how long the backend takes for a token, and between two events.
const backendDelay = 2 * time.Millisecond

// rawRequest is one valid request, as it is on the wire.
type rawRequest struct{ head, body string }

// requests returns one for each operation that the interface has.
func requests(t *testing.T) map[string]rawRequest {
	t.Helper()
	d, _ := readOpenAPI(t)
	all := map[string]rawRequest{}
	for path, methods := range d.Paths {
		for method := range methods {
			at, body := example.Replace(path), exampleBodies[path]
			switch path {
			case api.PathWatch:
				at += "?application=cad"
			case api.PathExplain:
				at += "?application=cad&pid=42"
			}
			if method != "post" {
				body = ""
			}
			all[method+" "+path] = rawRequest{fmt.Sprintf("%s %s HTTP/1.1\r\nHost: regent\r\nContent-Length: %d\r\n\r\n", strings.ToUpper(method), at, len(body)), body}
		}
	}
	return all
}

// hangupServer is a server at whose endpoints clients hang up, and what it holds for them.
type hangupServer struct {
	*backend
	process ipctest.Process
	socket  string
	dialled int64
	taken   atomic.Int64 // connections that were accepted
	watches atomic.Int64 // that have not ended
	watched atomic.Int64 // in all
}

// resources is what there is of each kind.
type resources struct{ goroutines, descriptors, callers, watches int64 }

// Status implements [server.Agent]. It is longer than the buffer of a socket.
func (w *hangupServer) Status(context.Context, agent.Caller) (status.Status, error) {
	return status.Status{Summary: strings.Repeat("x", 1<<20)}, nil
}

// Watch implements [server.Agent]: it tells of a change again and again.
func (w *hangupServer) Watch(ctx context.Context, _ agent.Caller, _ string) (func(context.Context) ([]agent.Event, error), error) {
	w.watches.Add(1)
	w.watched.Add(1)
	context.AfterFunc(ctx, func() { w.watches.Add(-1) })
	return endlessEvents{}.Next, nil
}

type endlessEvents struct{}

func (endlessEvents) Next(ctx context.Context) ([]agent.Event, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(backendDelay):
		return []agent.Event{{Instance: token.Instance{Tenant: "t", Application: "cad", Number: 1}, State: token.Live}}, nil
	}
}

// newHangupServer serves over a real socket, to callers of whom each is another user: no
// one runs out of calls.
func newHangupServer(t *testing.T) *hangupServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "r") //nolint:usetesting // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	w := &hangupServer{backend: &backend{grant: longGrant(), delay: backendDelay}, socket: filepath.Join(dir, "s")}
	d := newDeps(w.backend, func(c net.Conn) (server.IdentifiedCaller, error) {
		return ipctest.FixedCaller(authz.Caller{UID: fmt.Sprint(w.taken.Load()), PID: 42}, &w.process)(c)
	}, slog.New(slog.DiscardHandler))
	d.AccountOf = func(net.Conn) (server.Account, error) { return server.Account{Name: fmt.Sprint(w.taken.Add(1))}, nil }
	d.Agent, d.MaxConnections = w, 1000
	s, err := server.New(d)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	ipctest.Serve(t, s, ln)
	return w
}

// hangUp connects, does what is done until then, and goes.
func (w *hangupServer) hangUp(t *testing.T, r rawRequest, until func(net.Conn, rawRequest)) {
	t.Helper()
	c, err := net.Dial("unix", w.socket)
	if err != nil {
		t.Fatal(err)
	}
	w.dialled++
	until(c, r)
	c.Close()
}

// waitForResources waits until there is no more than want, but not for ever, and returns what
// there is.
func (w *hangupServer) waitForResources(want resources) (now resources) {
	for until := time.Now().Add(time.Minute); time.Now().Before(until); time.Sleep(time.Millisecond) {
		now = resources{int64(runtime.NumGoroutine()), 0, int64(w.process.OpenHandles()), w.watches.Load()}
		if names, err := os.ReadDir("/proc/self/fd"); err == nil { // only Linux has it
			now.descriptors = int64(len(names))
		}
		if now.goroutines <= want.goroutines && now.descriptors <= want.descriptors && now.callers == 0 && now.watches == 0 && w.taken.Load() == w.dialled {
			return want
		}
	}
	return now
}

// TestHangUp: whoever hangs up, at whatever endpoint and moment, leaves nothing
// behind: no goroutine, no descriptor, no watch and no hold of the caller.
func TestHangUp(t *testing.T) {
	w := newHangupServer(t)
	before := resources{goroutines: int64(runtime.NumGoroutine()) + 1} // one more is between two looks
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		before.descriptors = int64(len(names))
	}
	for name, r := range requests(t) {
		for moment, until := range hangups {
			for range 3 {
				w.hangUp(t, r, until)
			}
			if after := w.waitForResources(before); after != before {
				t.Fatalf("%s, hung up %s: there are %+v, want %+v", name, moment, after, before)
			}
		}
	}
	if w.watched.Load() == 0 {
		t.Error("nobody ever watched: the test is none")
	}
}
