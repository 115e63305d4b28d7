package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/token"
	"regent/ipc/ipctest"
)

const usualBody = `{"application":"cad"}`

// usual is the request of the C library.
var usual = tokenRequest("Host: regent", "Content-Type: application/json")

// tokenRequest is a request for a token with other headers.
func tokenRequest(headers ...string) string {
	return "POST /v1/token HTTP/1.1\r\n" + strings.Join(headers, "\r\n") + "\r\nContent-Length: " + strconv.Itoa(len(usualBody)) + "\r\n\r\n" + usualBody
}

// shortGrant is a token with a reply that fits into one buffer.
func shortGrant() agent.Grant {
	g := longGrant()
	g.Access = token.NewSecret("jwt.short")
	return g
}

// direct is a server whose requests over net/http are counted. Its agent verifies the
// caller, as the real one does.
type direct struct {
	*testServer
	http atomic.Int64
}

func newDirect(t *testing.T, b *backend, httpOnly bool) *direct {
	t.Helper()
	d := &direct{testServer: &testServer{backend: b, ln: ipctest.NewListener()}}
	d.prepare = func() {
		d.OnHTTP(func() { d.http.Add(1) })
		if httpOnly {
			d.ServeHTTPOnly()
		}
	}
	d.serve(t, ipctest.FixedCaller(authz.Caller{User: "alice", UID: "1000", PID: 42}, &d.process))
	d.stop = sync.OnceValue(d.stop)
	return d
}

// raw is a connection of a client.
type raw struct {
	net.Conn
	*bufio.Reader
}

func (d *direct) dial(t *testing.T) raw {
	t.Helper()
	c, err := d.ln.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return raw{c, bufio.NewReader(c)}
}

// ask sends a request and returns the whole answer, or the error.
func (c raw) ask(request string) string {
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c.Conn, request); err != nil {
		return "write: " + err.Error()
	}
	var whole bytes.Buffer
	resp, err := http.ReadResponse(bufio.NewReaderSize(io.TeeReader(c.Reader, &whole), 1), nil)
	if err != nil {
		return "read: " + err.Error()
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "body: " + err.Error()
	}
	return fmt.Sprintf("%s %v %s", resp.Status, resp.Header, body)
}

// TestUsualRequestsAreDirect: the requests of our clients are answered without net/http.
func TestUsualRequestsAreDirect(t *testing.T) {
	for name, request := range map[string]string{
		"C":    usual,
		"Go":   tokenRequest("Host: regent", "User-Agent: Go-http-client/1.1", "Content-Type: application/json", "Accept-Encoding: gzip"),
		"Node": tokenRequest("Content-Type: application/json", "Host: regent", "Connection: keep-alive"),
		"curl": tokenRequest("Host: localhost", "User-Agent: curl/8.14.1", "Accept: */*", "Content-Type: application/x-www-form-urlencoded"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirect(t, &backend{grant: longGrant()}, false)
				c := d.dial(t)
				for range 3 {
					if got := c.ask(request); !strings.HasPrefix(got, "200 ") {
						t.Error(got)
					}
				}
				if n := d.http.Load(); n != 0 {
					t.Errorf("net/http answered %d requests", n)
				}
				c.Close()
				if err := d.stop(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// The scenarios end with what the client and the agent saw.
var scenarios = map[string]struct {
	backend func() *backend
	run     func(t *testing.T, d *direct) []string
}{
	"answers of both sizes, and after them other calls": {func() *backend { return &backend{grant: longGrant()} }, func(t *testing.T, d *direct) (out []string) {
		c := d.dial(t)
		defer c.Close()
		for range 3 {
			out = append(out, c.ask(usual))
		}
		return append(out, c.ask("GET /v1/status HTTP/1.1\r\nHost: regent\r\n\r\n"), c.ask(usual), c.ask("DELETE /v1/instances/cad/1/lease HTTP/1.1\r\nHost: regent\r\n\r\n"), c.ask(usual))
	}},
	"tokens cost no credit": {func() *backend { return &backend{grant: shortGrant()} }, func(t *testing.T, d *direct) (out []string) {
		c := d.dial(t)
		defer c.Close()
		for range 500 {
			c.ask(usual)
		}
		for range 110 {
			out = append(out, c.ask("GET /v1/policy HTTP/1.1\r\nHost: regent\r\n\r\n"), time.Now().String())
		}
		return out
	}},
	"long replies cost credit": {func() *backend { return &backend{grant: hugeGrant()} }, func(t *testing.T, d *direct) (out []string) {
		c := d.dial(t)
		defer c.Close()
		for range 1000 {
			c.ask(usual)
		}
		for range 3 {
			out = append(out, c.ask("GET /v1/policy HTTP/1.1\r\nHost: regent\r\n\r\n"), time.Now().String())
		}
		return out
	}},
	"refusals are delayed": {func() *backend { return &backend{err: fault.Errorf("token", fault.Denied, "no")} }, func(t *testing.T, d *direct) (out []string) {
		c := d.dial(t)
		defer c.Close()
		for range 150 {
			out = append(out, c.ask(usual), time.Now().String())
		}
		return out
	}},
	"refusals over connections of their own": {func() *backend {
		return &backend{err: fault.Errorf("token", fault.NoFreeInstance, "busy").WithRetry(3 * time.Second)}
	}, func(t *testing.T, d *direct) (out []string) {
		for range 150 {
			c := d.dial(t)
			out = append(out, c.ask(usual), time.Now().String())
			c.Close()
			synctest.Wait()
		}
		return out
	}},
	"an internal error": {func() *backend { return &backend{err: errors.New("SENTINEL")} }, func(t *testing.T, d *direct) []string {
		c := d.dial(t)
		defer c.Close()
		return []string{c.ask(usual), c.ask(usual)}
	}},
	"a defect": {func() *backend { return &backend{onToken: func() { panic("SENTINEL") }} }, func(t *testing.T, d *direct) []string {
		c := d.dial(t)
		defer c.Close()
		return []string{c.ask(usual), c.ask(usual)}
	}},
	"a token that takes its time": {func() *backend { return &backend{grant: longGrant(), delay: 20 * time.Second} }, func(t *testing.T, d *direct) []string {
		c := d.dial(t)
		defer c.Close()
		return []string{c.ask(usual), time.Now().String(), c.ask(usual), time.Now().String()}
	}},
	"the process ends between two requests": {func() *backend { return &backend{grant: longGrant(), verifies: true} }, func(t *testing.T, d *direct) (out []string) {
		c := d.dial(t)
		defer c.Close()
		out = append(out, c.ask(usual))
		d.process.Exit(errors.New("it runs another program"))
		out = append(out, c.ask(usual))
		d.process.Exit(nil)
		return append(out, c.ask(usual))
	}},
	"connections beyond the limit": {func() *backend { return &backend{grant: longGrant()} }, func(t *testing.T, d *direct) (out []string) {
		var open []raw
		for range 8 {
			c := d.dial(t)
			defer c.Close()
			open = append(open, c)
			out = append(out, c.ask(usual))
		}
		for _, c := range open {
			out = append(out, c.ask(usual))
		}
		return out
	}},
	"the client closes": {func() *backend { return &backend{grant: longGrant()} }, func(t *testing.T, d *direct) (out []string) {
		c := d.dial(t)
		defer c.Close()
		closing := tokenRequest("Host: regent", "Connection: close")
		return []string{c.ask(usual), c.ask(closing), c.ask(usual)}
	}},
	"shutdown between two requests": {func() *backend { return &backend{grant: longGrant()} }, func(t *testing.T, d *direct) []string {
		c := d.dial(t)
		defer c.Close()
		first := c.ask(usual)
		synctest.Wait()
		began := time.Now()
		err := d.stop()
		return []string{first, fmt.Sprint(err, since(began)), c.ask(usual)}
	}},
	"shutdown before the first request": {func() *backend { return &backend{grant: longGrant()} }, func(t *testing.T, d *direct) []string {
		c := d.dial(t)
		defer c.Close()
		synctest.Wait()
		began, stopped := time.Now(), make(chan error, 1)
		go func() { stopped <- d.stop() }()
		time.Sleep(firstRequestDelay)
		first := c.ask(usual)
		return []string{first, fmt.Sprint(<-stopped, since(began)), c.ask(usual)}
	}},
	"shutdown while a token takes its time": {func() *backend { return &backend{grant: longGrant(), delay: 3 * time.Second} }, func(t *testing.T, d *direct) []string {
		c := d.dial(t)
		defer c.Close()
		began, stopped := time.Now(), make(chan error, 1)
		go func() {
			time.Sleep(time.Second)
			stopped <- d.stop()
		}()
		first := c.ask(usual)
		took := since(began)
		return []string{first, fmt.Sprint(<-stopped, took), c.ask(usual)}
	}},
}

// firstRequestDelay is within the time that a new connection has at shutdown.
const firstRequestDelay = 500 * time.Millisecond

// since leaves out the milliseconds in which net/http polls at shutdown.
func since(began time.Time) time.Duration { return time.Since(began).Truncate(50 * time.Millisecond) }

// hugeGrant is a token with a reply that counts as a long one.
func hugeGrant() agent.Grant {
	g := longGrant()
	g.Access = token.NewSecret(strings.Repeat("jwt.", 4000))
	return g
}

// TestBothWays: each scenario is the same over both ways, for the client, for the agent
// and in the log.
func TestBothWays(t *testing.T) {
	for name, tt := range scenarios {
		t.Run(name, func(t *testing.T) {
			var client, asked, log [2]any
			for i, httpOnly := range []bool{true, false} {
				synctest.Test(t, func(t *testing.T) {
					b := tt.backend()
					d := newDirect(t, b, httpOnly)
					client[i] = tt.run(t, d)
					if err := d.stop(); err != nil {
						t.Error(err)
					}
					if n := d.process.OpenHandles(); n != 0 {
						t.Errorf("%d callers are still held", n)
					}
					asked[i], log[i] = b.asked, logLines(d.log.String())
				})
			}
			for what, got := range map[string][2]any{"the client": client, "the agent": asked, "the log": log} {
				if diff := cmp.Diff(got[0], got[1]); diff != "" {
					t.Errorf("%s (-net/http, +direct):\n%s", what, diff)
				}
			}
		})
	}
}

// logLines leaves out the stack of a panic, and a client that closed early: net/http does
// not notice that of a short answer.
func logLines(log string) (out []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, "the caller disconnected before its answer") {
			continue
		}
		line, _, _ = strings.Cut(line, " stack=")
		out = append(out, strings.TrimSuffix(line, "\n"))
	}
	return out
}

// FuzzBothWays writes bytes in two parts to a server with both ways, and to one with
// net/http alone. The answers, the calls of the agent, and the log are the same.
func FuzzBothWays(f *testing.F) {
	f.Fuzz(func(t *testing.T, sent []byte, cut uint16, kind byte) {
		at := min(int(cut), len(sent))
		parts := [][]byte{sent[:at], sent[at:]}
		var answer, asked, log [2]any
		for i, httpOnly := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				b := fuzzBackend(kind)
				d := newDirect(t, b, httpOnly)
				answer[i] = d.exchange(t, parts)
				if err := d.stop(); err != nil {
					t.Error(err)
				}
				if n := d.process.OpenHandles(); n != 0 {
					t.Errorf("%d callers are still held", n)
				}
				asked[i], log[i] = b.asked, logLines(d.log.String())
			})
		}
		for what, got := range map[string][2]any{"the client": answer, "the agent": asked, "the log": log} {
			if diff := cmp.Diff(got[0], got[1]); diff != "" {
				t.Errorf("%s (-net/http, +direct):\n%s", what, diff)
			}
		}
	})
}

// fuzzBackend is an agent that issues a token, waits, denies, or fails.
func fuzzBackend(kind byte) *backend {
	b := &backend{grant: shortGrant(), verifies: true, changes: make(eventStream)}
	switch kind % 6 {
	case 1:
		b.grant = longGrant()
	case 2:
		b.delay = time.Second
	case 3:
		b.err = fault.Errorf("token", fault.Denied, "no")
	case 4:
		b.err = errors.New("defect")
	case 5:
		b.onToken = func() { panic("defect") }
	}
	return b
}

// exchange writes the parts and returns all that comes back.
func (d *direct) exchange(t *testing.T, parts [][]byte) string {
	t.Helper()
	c := d.dial(t)
	answers, over := make(chan []byte, 1), make(chan struct{})
	go func() {
		got, _ := io.ReadAll(io.LimitReader(c.Conn, 1<<20))
		answers <- got
	}()
	go func() {
		c.SetWriteDeadline(time.Now().Add(time.Minute))
		for _, part := range parts {
			c.Write(part) // a server that has heard enough need not read on
			synctest.Wait()
		}
		select {
		case <-over:
		case <-time.After(time.Hour): // longer than every limit of the server
		}
		c.Close()
	}()
	got := <-answers
	close(over)
	return string(got)
}
