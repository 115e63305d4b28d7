package server_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"regent/agent"
	"regent/agent/token"
)

// FuzzRequest writes bytes to the server and ends. Whatever they are, the agent
// is asked only for what has a valid form, no browser gets to it, what is
// answered is HTTP, and nothing is left of the connection.
func FuzzRequest(f *testing.F) {
	f.Fuzz(func(t *testing.T, sent []byte) {
		synctest.Test(t, func(t *testing.T) {
			b := &backend{grant: longGrant(), changes: make(eventStream)}
			h := newTestServer(t, b)
			c, err := h.ln.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			answers, over := make(chan []byte, 1), make(chan struct{})
			go func() {
				got, _ := io.ReadAll(io.LimitReader(c, 1<<20))
				answers <- got
			}()
			go func() {
				c.SetWriteDeadline(time.Now().Add(time.Minute))
				c.Write(sent) // a server that has heard enough need not read on
				select {
				case <-over:
				case <-time.After(time.Hour): // longer than every limit of the server
				}
				c.Close()
			}()
			got := <-answers
			close(over)
			checkAsked(t, b)
			for r := bufio.NewReader(bytes.NewReader(got)); ; {
				if _, err := r.Peek(1); err != nil {
					break
				}
				resp, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Fatalf("answered %q: %v", got, err)
				}
				io.Copy(io.Discard, resp.Body)
			}
			if err := h.stop(); err != nil {
				t.Error(err)
			}
			if n := h.process.OpenHandles(); n != 0 {
				t.Errorf("%d holds are left of the process", n)
			}
		})
	})
}

// checkAsked holds what the agent was asked for against the form of names.
func checkAsked(t *testing.T, b *backend) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, what := range b.asked {
		switch what := what.(type) {
		case agent.TokenRequest:
			if token.CheckApplication(what.Application) != nil {
				t.Errorf("asked for a token of %q", what.Application)
			}
			if _, err := token.ParseInstanceNumber(what.Instance); what.Instance != "" && err != nil {
				t.Errorf("asked for the instance %q", what.Instance)
			}
		case string:
			if (what == "release" || what == "redeem" || what == "forget" || what == "watch" || what == "explain") && i+1 < len(b.asked) {
				if app, ok := b.asked[i+1].(string); ok && token.CheckApplication(app) != nil {
					t.Errorf("asked to %s %q", what, app)
				}
			}
		}
	}
}
