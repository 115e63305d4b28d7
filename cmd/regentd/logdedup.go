package main

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"regent/agent/audit"
)

// dedupHandler keeps the same warning from filling a log: it comes at once, then at
// most once a minute, with how often it came.
type dedupHandler struct {
	slog.Handler
	suppressor *audit.Suppressor[string]
	attrsKey   string // attributes that every record has
}

func newDedupHandler(h slog.Handler, now func() time.Time) *dedupHandler {
	return &dedupHandler{Handler: h, suppressor: audit.NewSuppressor[string](now)}
}

// Handle implements [slog.Handler]. What is no warning is passed on: nothing
// says the same again and again at Info, and Debug may.
func (r *dedupHandler) Handle(ctx context.Context, rec slog.Record) error {
	if rec.Level < slog.LevelWarn {
		return r.Handler.Handle(ctx, rec)
	}
	var key strings.Builder
	key.WriteString(rec.Message + r.attrsKey)
	rec.Attrs(func(a slog.Attr) bool {
		key.WriteString(" " + a.String())
		return true
	})
	times, say := r.suppressor.Allow(key.String(), 1)
	if !say {
		return nil
	}
	if times > 1 {
		rec.AddAttrs(slog.Int("times", times))
	}
	return r.Handler.Handle(ctx, rec)
}

// WithAttrs implements [slog.Handler].
func (r *dedupHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *r
	with.Handler = r.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		with.attrsKey += " " + a.String()
	}
	return &with
}

// WithGroup implements [slog.Handler].
func (r *dedupHandler) WithGroup(name string) slog.Handler {
	with := *r
	with.Handler = r.Handler.WithGroup(name)
	with.attrsKey += " " + name
	return &with
}

// mirrorToJournal has events told to the system's log too, if the daemon logs there:
// where others look for who did what. Elsewhere audit.jsonl is beside the log.
func mirrorToJournal(records audit.Log, log *slog.Logger) audit.Log {
	h := log.Handler()
	if r, ok := h.(*dedupHandler); ok {
		h = r.Handler
	}
	if w, ok := h.(interface{ Unwrap() slog.Handler }); ok {
		h = w.Unwrap()
	}
	if _, ok := h.(*journalHandler); !ok {
		return records
	}
	return audit.NewForwarder(records, now, log)
}
