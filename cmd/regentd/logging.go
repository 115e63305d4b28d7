package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
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

// set changes the level. Policy has validated it.
func (l *logging) set(c policy.Log) {
	var v slog.Level
	if err := v.UnmarshalText([]byte(c.Level)); err == nil {
		l.level.Set(v)
	}
}

// dedupHandler rate-limits repeated warnings. It writes the first one at once, then at most
// one a minute with the number of repetitions.
type dedupHandler struct {
	slog.Handler
	suppressor *audit.Suppressor[string]
	attrsKey   string // attributes that every record has
}

func newDedupHandler(h slog.Handler, now func() time.Time) *dedupHandler {
	return &dedupHandler{Handler: h, suppressor: audit.NewSuppressor[string](now)}
}

// Handle implements [slog.Handler]. It passes records below Warn through: Info records do
// not repeat, and Debug records may.
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

// mirrorToJournal also sends audit events to the system's log, if the daemon logs there.
// Otherwise it returns records unchanged.
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

// journalHandler writes records to systemd's journal. Each attribute becomes a field, so
// that journalctl REGENT_INSTANCE=cad/1 finds it. The journal adds time and process.
type journalHandler struct {
	level slog.Leveler
	send  func(message string, p journal.Priority, fields map[string]string) error
	with  []func(slog.Handler) slog.Handler // calls of WithAttrs and WithGroup
}

var _ slog.Handler = (*journalHandler)(nil)

// isJournal reports whether w is the journal. It has a time and a level already, which a
// text line would repeat.
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

// notInFieldNames match what no field of the journal has in its name.
var notInFieldNames = regexp.MustCompile("[^A-Z0-9]")

// fieldName is the journal's name for a key: capitals, digits and underscores.
func fieldName(key string) string {
	return "REGENT_" + notInFieldNames.ReplaceAllString(strings.ToUpper(key), "_")
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
