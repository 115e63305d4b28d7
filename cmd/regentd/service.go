package main

import (
	"context"
	"io"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/spf13/cobra"

	"regent/platform/service"
)

// newManage returns the command service. The MSI does the same without it.
func newManage(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Register, start and stop the daemon as a Windows service",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, c := range []struct {
		use, short string
		do         func() error
	}{
		{"install", "Register the service and its event log source", service.Install},
		{"uninstall", "Stop and unregister the service; its state stays", service.Uninstall},
		{"start", "Start the service and wait until it accepts requests", service.Start},
		{"stop", "Stop the service and wait until its open requests are finished", service.Stop},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: c.use, Short: c.short, Args: noArgs,
			RunE: func(*cobra.Command, []string) error { return c.do() },
		})
	}
	cmd.AddCommand(&cobra.Command{
		Use: "status", Short: "Print whether the service runs", Args: noArgs,
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

// serve runs the daemon. If the service manager started it, it runs as a service.
func (o *options) serve(ctx context.Context, stderr io.Writer) error {
	if !service.StartedByManager() {
		return o.run(ctx, stderr)
	}
	log, err := service.OpenLog()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the log itself is closed
	if err := service.Configure(); err != nil {
		_ = log.Warning("regentd: cannot configure the service: " + err.Error()) // the service starts in any case
	}
	return service.Run(func(ctx context.Context, ready func()) error {
		o.onReady = ready
		err := o.run(ctx, &eventLog{log})
		if err != nil {
			_ = log.Error("regentd: " + err.Error()) // no other place for it
		}
		return err
	})
}

// notifyReady calls onReady once.
func (o *options) notifyReady() {
	if o.onReady != nil {
		o.onReady()
		o.onReady = nil
	}
}

// eventLog replaces standard error in a Windows service.
type eventLog struct{ service.Log }

// Write implements [io.Writer], for text that is no log record.
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
