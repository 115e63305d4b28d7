package server_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/ipc/client"
)

func TestWatch(t *testing.T) {
	b := &backend{}
	withServer(t, b, func(t *testing.T, h *testServer) {
		b.changes = make(eventStream) // of this bubble
		go func() {
			for generation := range uint64(2) {
				b.changes <- &agent.Event{Instance: token.Instance{Tenant: "t", Application: "cad", Number: 2}, State: token.Live, Generation: generation + 1}
			}
			b.changes <- nil
		}()
		var got []api.Event
		var end error
		for e, err := range h.client(t).Watch(t.Context(), "cad") {
			if end = err; err == nil {
				got = append(got, e)
			}
		}
		want := []api.Event{{Instance: "cad/2", State: "live", Generation: 1}, {Instance: "cad/2", State: "live", Generation: 2}}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
		if !errors.Is(end, client.ErrNotReachable) {
			t.Errorf("it ended with %v", end)
		}
	})
}

// A watch is not waited for when the server ends.
func TestWatchEndsWithTheServer(t *testing.T) {
	b := &backend{}
	withServer(t, b, func(t *testing.T, h *testServer) {
		b.changes = make(eventStream) // of this bubble
		ended := make(chan error)
		go func() {
			for _, err := range h.client(t).Watch(t.Context(), "cad") {
				ended <- err
			}
		}()
		synctest.Wait()
		began := time.Now()
		if err := h.stop(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err == nil || time.Since(began) > time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		h.stop = func() error { return nil }
	})
}

func TestWatchRefused(t *testing.T) {
	b := &backend{err: fault.New("watch", fault.Denied, nil)}
	withServer(t, b, func(t *testing.T, h *testServer) {
		for _, err := range h.client(t).Watch(t.Context(), "cad") {
			if !errors.Is(err, fault.Denied) {
				t.Error(err)
			}
		}
		for _, err := range h.client(t).Watch(t.Context(), "no such id") {
			if !errors.Is(err, fault.InvalidRequest) {
				t.Error(err)
			}
		}
	})
}

func TestInvalidate(t *testing.T) {
	b := &backend{}
	withServer(t, b, func(t *testing.T, h *testServer) {
		if err := h.client(t).Invalidate(t.Context(), "cad", "2", 7); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(b.asked, []any{"alice", "invalidate", "cad", "2", uint64(7)}); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
	})
}

func TestExplain(t *testing.T) {
	withServer(t, &backend{}, func(t *testing.T, h *testServer) {
		got, err := h.client(t).Explain(t.Context(), 42, "cad")
		want := api.Explanation{Application: "cad", PID: 42, UID: "1000", User: "alice", Allow: true, Rule: "allow[0]", Reason: "it holds"}
		if diff := cmp.Diff(got, want); diff != "" || err != nil {
			t.Errorf("%v; got -, want +:\n%s", err, diff)
		}
		for _, pid := range []int{43, 0} {
			if _, err := h.client(t).Explain(t.Context(), pid, "cad"); !errors.Is(err, fault.InvalidRequest) {
				t.Errorf("process %d: %v", pid, err)
			}
		}
	})
}
