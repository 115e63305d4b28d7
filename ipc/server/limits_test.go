package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/ipc/api"
	"regent/ipc/ipctest"
	"regent/ipc/server"
)

// A user's connections beyond the limit are closed at once, another user's are
// served, and those that were closed make room.
func TestConnectionsOfOneUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &testServer{backend: &backend{}, ln: ipctest.NewListener()}
		h.serve(t, ipctest.FixedCaller(authz.Caller{}, &h.process))
		var open []net.Conn
		for range 4 { // the limit is three
			c, err := h.ln.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, c)
		}
		if _, err := open[3].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("the fourth connection: %v, want it closed", err)
		}
		synctest.Wait()
		h.user = "1001"
		if _, err := h.client(t).Status(t.Context()); err != nil {
			t.Errorf("another user: %v", err)
		}
		h.user = "1000"
		for _, c := range open {
			c.Close()
		}
		synctest.Wait()
		if _, err := h.client(t).Status(t.Context()); err != nil {
			t.Errorf("after the others were closed: %v", err)
		}
		synctest.Wait()
		if err := h.stop(); err != nil {
			t.Error(err)
		}
		if n := h.process.OpenHandles(); n != 0 {
			t.Errorf("%d callers are still held", n)
		}
	})
}

// A connection whose process has exited, its descriptor handed to another one,
// takes a descriptor of ours too: it counts for the user who made it.
func TestConnectionOfExitedProcessCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &testServer{backend: &backend{}, ln: ipctest.NewListener()}
		identified := 0
		h.serve(t, func(net.Conn) (server.IdentifiedCaller, error) {
			identified++
			return nil, errors.New("process has exited")
		})
		for range 4 { // the limit is three
			c, err := h.ln.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			synctest.Wait()
		}
		if identified != 3 {
			t.Errorf("%d connections were looked at, want 3: the fourth is beyond the limit", identified)
		}
		if err := h.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Calls have a limit for each user; hand-outs are neither counted nor refused.
func TestCallsOfOneUser(t *testing.T) {
	withServer(t, &backend{grant: longGrant()}, func(t *testing.T, h *testServer) {
		c := h.client(t)
		for i := range 1000 {
			if _, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"}); err != nil {
				t.Fatalf("token %d: %v", i, err)
			}
		}
		var err error
		calls := 0
		for ; err == nil; calls++ { // no read call, which the client would make again
			err = c.Reload(t.Context())
		}
		if f := fault.From(err); f.Kind != fault.Throttled || f.Retry <= 0 || calls != 101 {
			t.Errorf("call %d: %v, retry %v; want the 101st to be throttled", calls, err, f.Retry)
		}
		if _, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"}); err != nil {
			t.Errorf("a token meanwhile: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := c.Status(t.Context()); err != nil {
			t.Errorf("a second later: %v", err)
		}
	})
}

// Who is refused again and again gets the refusals slowly.
func TestRefusalsAreThrottled(t *testing.T) {
	b := &backend{err: fault.New("token", fault.Denied, nil)}
	withServer(t, b, func(t *testing.T, h *testServer) {
		c, began := h.client(t), time.Now()
		for range 110 {
			if _, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"}); !errors.Is(err, fault.Denied) {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took < time.Second || took > 11*time.Second {
			t.Errorf("110 refusals took %v", took)
		}
	})
}

// TestRefusalsHaveOwnCredit: when every request for a token is refused, doctor and
// status still find out why.
func TestRefusalsHaveOwnCredit(t *testing.T) {
	withServer(t, &backend{err: fault.New("token", fault.Unavailable, nil)}, func(t *testing.T, h *testServer) {
		c := h.client(t)
		for range 105 {
			if _, err := c.Token(t.Context(), api.TokenRequest{Application: "cad"}); !errors.Is(err, fault.Unavailable) {
				t.Fatal(err)
			}
		}
		if err := c.Reload(t.Context()); errors.Is(err, fault.Throttled) {
			t.Errorf("a call after 105 refusals: %v", err)
		}
	})
}

// TestThrottledReadsAreRetried: another program of the user has used the credit
// up. A read call waits for it; one that changes something is the caller's to repeat.
func TestThrottledReadsAreRetried(t *testing.T) {
	withServer(t, &backend{}, func(t *testing.T, h *testServer) {
		c := h.client(t)
		spend := func() {
			var err error
			for err == nil {
				err = c.Reload(t.Context())
			}
			if !errors.Is(err, fault.Throttled) {
				t.Fatal(err)
			}
			// The refusal came after a second, in which there was new credit.
			for range 20 {
				if err := c.Reload(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		spend()
		if _, err := c.Status(t.Context()); err != nil {
			t.Errorf("Status: %v, want it made again", err)
		}
		spend()
		if _, err := c.Diagnose(t.Context()); err != nil {
			t.Errorf("Diagnose: %v, want it made again", err)
		}
		spend()
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		if _, err := c.Status(ctx); !errors.Is(err, fault.Throttled) {
			t.Errorf("with too little time: %v, want what the agent answered", err)
		}
	})
}

// A client that asks and does not read loses its connection.
func TestUnreadReplyClosesConnection(t *testing.T) {
	withServer(t, &backend{grant: longGrant()}, func(t *testing.T, h *testServer) {
		c, err := h.ln.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		const body = `{"application":"cad"}`
		if _, err := io.Copy(c, strings.NewReader("POST /v1/token HTTP/1.1\r\nHost: regent\r\nContent-Length: 21\r\n\r\n"+body)); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		synctest.Wait()
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if n := h.process.OpenHandles(); n != 0 {
			t.Errorf("%d callers are held %v later", n, time.Since(began))
		}
	})
}
