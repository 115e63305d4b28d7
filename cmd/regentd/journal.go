package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/coreos/go-systemd/v22/journal"
)

// journalHandler writes records to systemd's journal: a message that people
// read, and each attribute as a field of its own, so that
// journalctl REGENT_INSTANCE=cad/1 finds it. Time and process are the journal's.
type journalHandler struct {
	level slog.Leveler
	send  func(message string, p journal.Priority, fields map[string]string) error
	group string      // of attributes to come, such as "request."
	attrs []slog.Attr // resolved, with the group in the key
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

func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	attrs := slices.Clip(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		attrs = flatten(attrs, h.group, a)
		return true
	})
	text, fields := new(strings.Builder), make(map[string]string, len(attrs))
	text.WriteString(r.Message)
	for _, a := range attrs {
		value := a.Value.String()
		text.WriteString(" " + a.Key + "=" + quoted(value))
		fields[fieldName(a.Key)] = value
	}
	return h.send(text.String(), priority(r.Level), fields)
}

func (h *journalHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *h
	with.attrs = slices.Clip(h.attrs)
	for _, a := range attrs {
		with.attrs = flatten(with.attrs, h.group, a)
	}
	return &with
}

func (h *journalHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	with := *h
	with.group += name + "."
	return &with
}

// flatten appends an attribute, or those of a group, to attrs. Values are
// resolved here: what hides itself does it then.
func flatten(attrs []slog.Attr, group string, a slog.Attr) []slog.Attr {
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return attrs
	}
	if a.Value.Kind() != slog.KindGroup {
		return append(attrs, slog.Attr{Key: group + a.Key, Value: a.Value})
	}
	if a.Key != "" {
		group += a.Key + "."
	}
	for _, inner := range a.Value.Group() {
		attrs = flatten(attrs, group, inner)
	}
	return attrs
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

// quoted is a value as it stands in the message: nothing in it can look like
// another attribute or another line.
func quoted(s string) string {
	plain := func(r rune) bool { return unicode.IsPrint(r) && !strings.ContainsRune(" \"=", r) }
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return strconv.Quote(s)
	}
	return s
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
