package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// journalHandler writes records to systemd's journal: a message that people
// read, and each attribute as a field of its own, so that
// journalctl REGENT_INSTANCE=cad/1 finds it. Time and process are the journal's.
type journalHandler struct {
	level slog.Leveler
	send  func(message string, p journal.Priority, fields map[string]string) error
	with  []func(slog.Handler) slog.Handler // what WithAttrs and WithGroup added
}

var _ slog.Handler = (*journalHandler)(nil)

// isJournal reports whether w is the journal already, where text lines would
// carry a time and a level that it has anyway.
func isJournal(w io.Writer) bool {
	if w != io.Writer(os.Stderr) {
		return false
	}
	is, err := journal.StderrIsJournalStream()
	return err == nil && is
}

func (h *journalHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level.Level() }

func (h *journalHandler) Handle(ctx context.Context, r slog.Record) error {
	var line strings.Builder
	fields := map[string]string{}
	var text slog.Handler = slog.NewTextHandler(&line, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if _, isLevel := a.Value.Any().(slog.Level); isLevel || a.Key == slog.MessageKey && a.Value.String() == "" || a.Equal(slog.Attr{}) {
			return slog.Attr{} // the record's own level and message, or nothing
		}
		fields[fieldName(strings.Join(append(slices.Clip(groups), a.Key), "."))] = a.Value.String()
		return a
	}})
	for _, add := range h.with {
		text = add(text)
	}
	attrs := r.Clone()
	attrs.Time, attrs.Message = time.Time{}, ""
	if err := text.Handle(ctx, attrs); err != nil {
		return err
	}
	return h.send(strings.TrimSpace(r.Message+" "+line.String()), priority(r.Level), fields)
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.add(func(text slog.Handler) slog.Handler { return text.WithAttrs(attrs) })
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	return h.add(func(text slog.Handler) slog.Handler { return text.WithGroup(name) })
}

func (h *journalHandler) add(add func(slog.Handler) slog.Handler) slog.Handler {
	with := *h
	with.with = append(slices.Clip(h.with), add)
	return &with
}

// fieldName is the journal's name for a key: capitals, digits and underscores.
func fieldName(key string) string {
	return "REGENT_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, key)
}

func priority(l slog.Level) journal.Priority {
	switch {
	case l >= slog.LevelError:
		return journal.PriErr
	case l >= slog.LevelWarn:
		return journal.PriWarning
	case l >= slog.LevelInfo:
		return journal.PriInfo
	}
	return journal.PriDebug
}
