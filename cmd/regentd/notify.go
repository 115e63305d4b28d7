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

// statusInterval is the time between two status reports to the service manager. A watchdog
// may require a shorter one.
const statusInterval = time.Minute

// notifier reports to the service manager: ready, watchdog, and a status of one sentence.
// Each watchdog report needs an answer of the agent. Without an answer the notifier sends
// none, and the service manager restarts the daemon.
type notifier struct {
	send      func(state string) error
	interval  time.Duration
	getStatus func(context.Context, agent.Caller) (status.Status, error)
	log       *slog.Logger
}

// newNotifier returns nil if no service manager wants reports.
func newNotifier(a *agent.Agent, log *slog.Logger) (*notifier, error) {
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return nil, nil //nolint:nilnil // no reports
	}
	watchdog, err := sdnotify.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("read the watchdog's time from the environment: %w", err)
	}
	return &notifier{send: sdNotify, interval: heartbeatInterval(watchdog), getStatus: a.Status, log: log}, nil
}

// notifyStopping reports to the service manager that the process ends, when ctx is done. ctx is
// the context of the process: after STOPPING=1 systemd kills the process if it runs longer
// than TimeoutStopSec=. The returned function waits until the message is sent.
func notifyStopping(ctx context.Context, send func(state string) error) (wait func()) {
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		_ = send(sdnotify.SdNotifyStopping) // the process ends in any case
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

// heartbeatInterval returns half of the watchdog's time, so that one report may be late.
func heartbeatInterval(watchdog time.Duration) time.Duration {
	if watchdog <= 0 {
		return statusInterval
	}
	return min(watchdog/2, statusInterval)
}

// Run reports ready, then reports to the watchdog at each interval until ctx is done. The
// last report gives the daemon the watchdog's whole time to reopen the store, if it
// restarts within the process; see [notifyStopping].
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

// sendStatus sends a state with the agent's summary. It waits for the agent without a
// limit: if the agent hangs, the watchdog must notice.
func (n *notifier) sendStatus(ctx context.Context, state string) {
	s, err := n.getStatus(ctx, agent.Caller{})
	if err != nil {
		n.log.WarnContext(ctx, "cannot read the agent's status", "err", err)
		return
	}
	n.sendState(ctx, state+"\nSTATUS="+s.Summary)
}

func (n *notifier) sendState(ctx context.Context, state string) {
	if err := n.send(state); err != nil {
		n.log.WarnContext(ctx, "cannot report the status to the service manager", "err", err)
	}
}
