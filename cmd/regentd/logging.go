package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"regent/agent/audit"
	"regent/agent/policy"
	"regent/platform/process"
)

// logging is the daemon's log. Its level can change while it is in use.
type logging struct {
	*slog.Logger
	level *slog.LevelVar
}

func newLogging(w io.Writer, c policy.Log, unsaid *process.LostRecords) *logging {
	level := new(slog.LevelVar)
	o := &slog.HandlerOptions{Level: level}
	var h slog.Handler
	switch {
	case c.Format == "json":
		h = slog.NewJSONHandler(w, o)
	case isEventLog(w):
		h = &journalHandler{level: level, send: w.(*eventLog).send}
	case isJournal(w):
		h = &journalHandler{level: level, send: journal.Send}
	default:
		h = slog.NewTextHandler(w, o)
	}
	l := &logging{slog.New(newDedupHandler(unsaid.Handler(h), now)), level}
	l.set(c)
	return l
}

// set changes the level; policy has checked the word.
func (l *logging) set(c policy.Log) {
	var v slog.Level
	if err := v.UnmarshalText([]byte(c.Level)); err == nil {
		l.level.Set(v)
	}
}

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
	return &dedupHandler{r.Handler.WithAttrs(attrs), r.suppressor, r.attrsKey + fmt.Sprint(attrs)}
}

// WithGroup implements [slog.Handler].
func (r *dedupHandler) WithGroup(name string) slog.Handler {
	return &dedupHandler{r.Handler.WithGroup(name), r.suppressor, r.attrsKey + " " + name}
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
