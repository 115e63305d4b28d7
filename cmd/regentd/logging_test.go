package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"regent/agent/audit"
)

func TestDedupHandler(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	log := slog.New(newDedupHandler(slog.NewTextHandler(&out, nil), func() time.Time { return now }))
	full := errors.New("no space left on device")
	for range 120 { // two a second
		log.WarnContext(t.Context(), "not recorded", "err", full)
		now = now.Add(500 * time.Millisecond)
	}
	log.WarnContext(t.Context(), "not recorded", "err", full)
	log.WarnContext(t.Context(), "not recorded", "err", errors.New("read-only file system")) // another cause is news
	log.With("tenant", "a").WarnContext(t.Context(), "unreachable")
	log.With("tenant", "b").WarnContext(t.Context(), "unreachable")
	log.InfoContext(t.Context(), "ready")
	log.InfoContext(t.Context(), "ready")
	if got := strings.Count(out.String(), "no space"); got != 2 || !strings.Contains(out.String(), "times=120") {
		t.Errorf("the same warning %d times, want twice and a counter:\n%s", got, &out)
	}
	for text, want := range map[string]int{"read-only": 1, "unreachable": 2, "ready": 2} {
		if got := strings.Count(out.String(), text); got != want {
			t.Errorf("%s: %d times, want %d:\n%s", text, got, want, &out)
		}
	}
}

// Events go where others look for them: into the system's log, not into a file
// that lies beside the audit log anyway.
func TestMirrorToJournal(t *testing.T) {
	var sent []map[string]string
	system := &journalHandler{level: slog.LevelInfo, send: func(_ string, _ journal.Priority, fields map[string]string) error {
		sent = append(sent, fields)
		return nil
	}}
	for _, tt := range []struct {
		h    slog.Handler
		want int
	}{{newDedupHandler(system, now), 1}, {newDedupHandler(slog.DiscardHandler, now), 1}} { // the second adds none
		if err := mirrorToJournal(nullAudit{}, slog.New(tt.h)).Record(t.Context(), audit.Access{Action: "reload", Instance: "x"}); err != nil {
			t.Error(err)
		}
		if len(sent) != tt.want || sent[0]["REGENT_ACTION"] != "reload" {
			t.Errorf("sent %v, want %d", sent, tt.want)
		}
	}
}

// nullAudit is an audit log that keeps nothing.
type nullAudit struct{}

func (nullAudit) Record(context.Context, audit.Event) error { return nil }
