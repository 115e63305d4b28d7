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

// textfileInterval is how often the file with metrics is written.
const textfileInterval = 15 * time.Second

// textfileKey is the key of the configuration that names it.
const textfileKey = "metrics_textfile"

// textfile writes the daemon's metrics into a file for a collector to read:
// node_exporter's or windows_exporter's. A reader finds a whole one, or none.
type textfile struct {
	path   string
	text   func(context.Context) (string, error)
	report func(source, detail string) // of what is wrong, for status; "" is nothing
	log    *slog.Logger
}

func newTextfile(path string, a *agent.Agent, log *slog.Logger) *textfile {
	return &textfile{path: path, text: a.Exposition, report: a.Report, log: log}
}

// Run writes the file now and again until ctx is done, and then removes it: the
// metrics of a daemon that is not there must not look like those of one that is.
// Without a path it only waits.
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
		if err != nil && !failed { // the same once more says nothing new; status says that it goes on
			t.log.WarnContext(ctx, "the file with metrics cannot be written", "path", t.path, "err", err)
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
	// The collector is another user, and nothing here is secret.
	return files.Write(t.path, []byte(text), 0o644)
}

func (t *textfile) remove() error {
	if err := os.Remove(t.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the file with metrics: %w", err)
	}
	return nil
}
