package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	sdnotify "github.com/coreos/go-systemd/v22/daemon"

	"regent/agent"
	"regent/agent/status"
)

// statusInterval is how often the service manager is told how the daemon is, where
// it wants no sign of life more often.
const statusInterval = time.Minute

// notifier tells the service manager how the daemon is: ready, alive, and in one
// sentence what it does. The sign of life is worth something because the agent
// has to answer for it: if it does not, none is sent, and the service manager
// ends the daemon and starts it again.
type notifier struct {
	send      func(state string) error
	interval  time.Duration
	getStatus func(context.Context, agent.Caller) (status.Status, error)
	log       *slog.Logger
}

// newNotifier returns nil if no service manager wants to be told.
func newNotifier(a *agent.Agent, log *slog.Logger) (*notifier, error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil, nil //nolint:nilnil // there is nobody to tell
	}
	watchdog, err := sdnotify.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("read the watchdog's time from the environment: %w", err)
	}
	return &notifier{send: sdNotify, interval: heartbeatInterval(watchdog), getStatus: a.Status, log: log}, nil
}

// notifyStopping tells the service manager that the process ends, when ctx is done.
// ctx is the process's: after STOPPING=1 systemd kills what has not ended within
// TimeoutStopSec=. The function that it returns waits until that was said.
func notifyStopping(ctx context.Context, send func(state string) error) (wait func()) {
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		_ = send(sdnotify.SdNotifyStopping) // it ends all the same
	})
	return func() {
		if !stop() {
			<-said
		}
	}
}

func sdNotify(state string) error {
	_, err := sdnotify.SdNotify(false, state)
	return err
}

// heartbeatInterval is half of what the watchdog allows, so that one sign may be late.
func heartbeatInterval(watchdog time.Duration) time.Duration {
	if watchdog <= 0 {
		return statusInterval
	}
	return min(watchdog/2, statusInterval)
}

// Run says ready, then gives a sign of life again and again until ctx is done.
// The last sign gives the daemon the watchdog's whole time to open the store
// again, where it does so within the process; see [notifyStopping].
func (n *notifier) Run(ctx context.Context) error {
	if n == nil {
		<-ctx.Done()
		return nil
	}
	again := time.NewTicker(n.interval)
	defer again.Stop()
	for state := sdnotify.SdNotifyReady + "\n" + sdnotify.SdNotifyWatchdog; ; state = sdnotify.SdNotifyWatchdog {
		n.sendStatus(ctx, state)
		select {
		case <-again.C:
		case <-ctx.Done():
			n.sendState(context.WithoutCancel(ctx), sdnotify.SdNotifyWatchdog)
			return nil
		}
	}
}

// sendStatus passes on a state with the agent's sentence. It waits for the agent as
// long as that takes: that is the point.
func (n *notifier) sendStatus(ctx context.Context, state string) {
	s, err := n.getStatus(ctx, agent.Caller{})
	if err != nil {
		n.log.WarnContext(ctx, "the agent does not say how it is", "err", err)
		return
	}
	n.sendState(ctx, state+"\nSTATUS="+s.Summary)
}

func (n *notifier) sendState(ctx context.Context, state string) {
	if err := n.send(state); err != nil {
		n.log.WarnContext(ctx, "the service manager was not told how the daemon is", "err", err)
	}
}
