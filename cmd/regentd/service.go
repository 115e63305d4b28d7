package main

import (
	"context"
	"io"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/spf13/cobra"

	"regent/platform/service"
)

// newManage is for those who do not use the MSI, which does the same.
func newManage(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "register the daemon as a Windows service, and start and stop it",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range []struct {
		use, short string
		do         func() error
	}{
		{"install", "register the service and its event log source", service.Install},
		{"uninstall", "stop the service and take its registration away; state stays", service.Uninstall},
		{"start", "start the service and wait until it serves", service.Start},
		{"stop", "stop the service and wait until it has finished what was under way", service.Stop},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: c.use, Short: c.short, Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return c.do() },
		})
	}
	cmd.AddCommand(&cobra.Command{
		Use: "status", Short: "say whether the service runs", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			word, err := service.Status()
			if err == nil {
				printLine(stdout, word)
			}
			return err
		},
	})
	return cmd
}

// serve runs the daemon, as a service where the service manager started it.
func (o *options) serve(ctx context.Context, stderr io.Writer) error {
	if !service.StartedByManager() {
		return o.run(ctx, stderr)
	}
	log, err := service.OpenLog()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // nothing follows that could tell
	if err := service.Configure(); err != nil {
		_ = log.Warning("regentd: the service was not settled: " + err.Error()) // it serves all the same
	}
	return service.Run(func(ctx context.Context, ready func()) error {
		o.onReady = ready
		err := o.run(ctx, &eventLog{log})
		if err != nil {
			_ = log.Error("regentd: " + err.Error()) // there is nobody else to tell
		}
		return err
	})
}

// notifyReady tells, the first time, that the socket is open.
func (o *options) notifyReady() {
	if o.onReady != nil {
		o.onReady()
		o.onReady = nil
	}
}

// eventLog stands for standard error where there is none.
type eventLog struct{ service.Log }

// Write implements [io.Writer], for what is no log entry.
func (l *eventLog) Write(b []byte) (int, error) { return len(b), l.Warning(string(b)) }

func isEventLog(w io.Writer) bool {
	_, is := w.(*eventLog)
	return is
}

// send writes one entry: a message, and each attribute as key=value after it.
func (l *eventLog) send(text string, p journal.Priority, _ map[string]string) error {
	switch {
	case p <= journal.PriErr:
		return l.Error(text)
	case p <= journal.PriWarning:
		return l.Warning(text)
	}
	return l.Info(text)
}
