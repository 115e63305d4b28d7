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
	path    string
	target  string // written instead, if path is a link to it
	written string // last; "" if none was
	text    func(context.Context) (string, error)
	report  func(source, detail string) // reports a problem to status; detail "" removes it
	log     *slog.Logger
}

func newTextfile(path, target string, a *agent.Agent, log *slog.Logger) *textfile {
	return &textfile{path: path, target: target, text: a.Exposition, report: a.Report, log: log}
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
			t.log.WarnContext(ctx, "cannot write metrics_textfile", "path", t.path, "err", err)
		}
		failed = err != nil
		detail := ""
		if failed {
			detail = err.Error()
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
	file := t.file()
	if err := files.Write(file, []byte(text), 0o644); err != nil {
		if file != t.path {
			return metricsLink{t.target}.targetError(t.path, err)
		}
		return textfileError(t.path, err)
	}
	t.written = file
	return nil
}

// file returns the file to write. A link is not replaced: regentd may write its target only.
func (t *textfile) file() string {
	if (metricsLink{t.target}).isAt(t.path) {
		return t.target
	}
	return t.path
}

// remove removes the file that Run wrote. Without one it does nothing: a directory that
// cannot be written must not let the daemon end with an error.
func (t *textfile) remove() error {
	if t.written == "" {
		return nil
	}
	if err := os.Remove(t.written); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the file with metrics: %w", err)
	}
	return nil
}
