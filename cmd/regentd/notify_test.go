package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent"
	"regent/agent/status"
)

// fakeManager collects what a notifier says.
type fakeManager struct{ states []string }

func (t *fakeManager) send(state string) error {
	t.states = append(t.states, strings.ReplaceAll(state, "\n", " "))
	return nil
}

func summary(text string) func(context.Context, agent.Caller) (status.Status, error) {
	return func(context.Context, agent.Caller) (status.Status, error) { return status.Status{Summary: text}, nil }
}

func TestNotifierSendsReadyAndHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got fakeManager
		n := &notifier{send: got.send, interval: time.Minute, getStatus: summary("serving"), log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
		defer cancel()
		if err := n.Run(ctx); err != nil {
			t.Fatal(err)
		}
		want := []string{"READY=1 WATCHDOG=1 STATUS=serving", "WATCHDOG=1 STATUS=serving", "WATCHDOG=1 STATUS=serving", "WATCHDOG=1"}
		if diff := cmp.Diff(got.states, want); diff != "" {
			t.Errorf("states (-got +want):\n%s", diff)
		}
	})
}

// An agent that does not answer is one that the watchdog must see: no sign of
// life is sent while it is asked.
func TestNotifierSendsNothingWhileTheAgentHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got fakeManager
		wedged := make(chan struct{})
		ask := func(context.Context, agent.Caller) (status.Status, error) {
			if len(got.states) > 0 {
				<-wedged
			}
			return status.Status{}, nil
		}
		n := &notifier{send: got.send, interval: time.Minute, getStatus: ask, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		done := make(chan error)
		go func() { done <- n.Run(ctx) }()
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if len(got.states) != 1 {
			t.Errorf("a wedged agent was called alive: %q", got.states)
		}
		close(wedged)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A service manager that does not listen is no reason to stop.
func TestNotifierSurvivesErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		n := &notifier{
			send: func(string) error { return errors.New("nobody listens") }, interval: time.Minute,
			getStatus: summary(""), log: slog.New(slog.NewTextHandler(&log, nil)),
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		if err := n.Run(ctx); err != nil {
			t.Error(err)
		}
		if got := strings.Count(log.String(), "nobody listens"); got != 3 {
			t.Errorf("warned %d times, want 3:\n%s", got, log.String())
		}
	})
}

func TestNoServiceManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n, err := newNotifier(nil, nil)
	if n != nil || err != nil {
		t.Fatalf("got %v, %v, want none", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestWatchdogTimeIsChecked(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("WATCHDOG_USEC", "soon")
	t.Setenv("WATCHDOG_PID", "")
	if _, err := newNotifier(nil, nil); err == nil || !strings.Contains(err.Error(), "soon") {
		t.Errorf("got %v, want one that shows the time", err)
	}
}

func TestHeartbeatInterval(t *testing.T) {
	for watchdog, want := range map[time.Duration]time.Duration{
		0: statusInterval, 10 * time.Second: 5 * time.Second, 2 * time.Minute: time.Minute, time.Hour: statusInterval,
	} {
		if got := heartbeatInterval(watchdog); got != want {
			t.Errorf("watchdog %s: got %s, want %s", watchdog, got, want)
		}
	}
}
