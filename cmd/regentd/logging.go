package main

import (
	"io"
	"log/slog"

	"github.com/coreos/go-systemd/v22/journal"

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
