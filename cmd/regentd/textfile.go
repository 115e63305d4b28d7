package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"regent/agent"
	"regent/platform/files"
)

// textfileInterval is the time between two writes of the file with metrics.
const textfileInterval = 15 * time.Second

// textfileKey is the key of the configuration that names it.
const textfileKey = "metrics_textfile"

// textfile writes the daemon's metrics into a file for the textfile collector of
// node_exporter or windows_exporter. A reader finds a complete file, or none.
type textfile struct {
	path   string
	text   func(context.Context) (string, error)
	report func(source, detail string) // reports a problem to status; detail "" removes it
	log    *slog.Logger
}

func newTextfile(path string, a *agent.Agent, log *slog.Logger) *textfile {
	return &textfile{path: path, text: a.Exposition, report: a.Report, log: log}
}

// Run writes the file at each interval until ctx is done, and then removes it. A stopped
// daemon must not leave metrics that look current. Without a path, Run only waits.
func (t *textfile) Run(ctx context.Context) error {
	if t.path == "" {
		<-ctx.Done()
		return nil
	}
	again := time.NewTicker(textfileInterval)
	defer again.Stop()
	var failed bool // the last time
	for {
		err := t.write(ctx)
		if err != nil && !failed { // log only the first failure; status shows the current state
			t.log.WarnContext(ctx, "cannot write the file with metrics", "path", t.path, "err", err)
		}
		failed = err != nil
		detail := ""
		if failed {
			detail = fmt.Sprintf("%v; give the daemon's user the right to write that directory (under systemd also ReadWritePaths=), or name another file", err)
		}
		t.report(textfileKey, detail)
		select {
		case <-again.C:
		case <-ctx.Done():
			return t.remove()
		}
	}
}

func (t *textfile) write(ctx context.Context) error {
	text, err := t.text(ctx)
	if err != nil {
		return fmt.Errorf("gather metrics: %w", err)
	}
	// The collector runs as another user. Metrics contain no secret.
	return files.Write(t.path, []byte(text), 0o644)
}

func (t *textfile) remove() error {
	if err := os.Remove(t.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the file with metrics: %w", err)
	}
	return nil
}
