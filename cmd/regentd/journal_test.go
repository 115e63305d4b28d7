package main

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
	"regent/agent/token"
	"regent/platform/process"
)

// entry is what the journal is sent.
type entry struct {
	Message  string
	Priority journal.Priority
	Fields   map[string]string
}

func journalOf(level slog.Level) (*slog.Logger, *[]entry) {
	var got []entry
	return slog.New(&journalHandler{level: level, send: func(m string, p journal.Priority, f map[string]string) error {
		got = append(got, entry{m, p, f})
		return nil
	}}), &got
}

func TestJournalEntries(t *testing.T) {
	log, got := journalOf(slog.LevelInfo)
	log.Debug("not wanted")
	log.Info("ready", "socket", "/run/regent/agent.sock", "gen", 3)
	with := log.With("instance", "cad/1").WithGroup("request").With("id", "a b")
	with.Warn("slow", slog.Group("time", "took", "1s"), slog.Group("", "by", "alice"))
	with.Error("bad", "text", "two\nlines")
	log.Info("empty", slog.String("none", ""), slog.Attr{})
	want := []entry{
		{"ready socket=/run/regent/agent.sock gen=3", journal.PriInfo, map[string]string{"REGENT_SOCKET": "/run/regent/agent.sock", "REGENT_GEN": "3"}},
		{`slow instance=cad/1 request.id="a b" request.time.took=1s request.by=alice`, journal.PriWarning, map[string]string{
			"REGENT_INSTANCE": "cad/1", "REGENT_REQUEST_ID": "a b", "REGENT_REQUEST_TIME_TOOK": "1s", "REGENT_REQUEST_BY": "alice",
		}},
		{`bad instance=cad/1 request.id="a b" request.text="two\nlines"`, journal.PriErr, map[string]string{
			"REGENT_INSTANCE": "cad/1", "REGENT_REQUEST_ID": "a b", "REGENT_REQUEST_TEXT": "two\nlines",
		}},
		{`empty none=""`, journal.PriInfo, map[string]string{"REGENT_NONE": ""}},
	}
	if diff := cmp.Diff(*got, want); diff != "" {
		t.Errorf("entries (-got +want):\n%s", diff)
	}
}

func TestJournalShowsNoSecret(t *testing.T) {
	log, got := journalOf(slog.LevelDebug)
	const canary = "SENTINEL"
	log.Debug("secret", "token", token.NewSecret(canary), "inside", struct{ T token.Secret }{token.NewSecret(canary)})
	e := (*got)[0]
	if e.Priority != journal.PriDebug || strings.Contains(e.Message, canary) || strings.Contains(e.Fields["REGENT_INSIDE"], canary) {
		t.Errorf("got %+v", e)
	}
}

// Two loggers made from one do not write into each other's attributes.
func TestJournalLoggersAreApart(t *testing.T) {
	log, got := journalOf(slog.LevelInfo)
	base := log.With("a", 1).With("b", 2).With("c", 3)
	one, two := base.With("x", 1), base.With("y", 2)
	one.Info("one")
	two.Info("two")
	if (*got)[0].Message != "one a=1 b=2 c=3 x=1" || (*got)[1].Message != "two a=1 b=2 c=3 y=2" {
		t.Errorf("got %+v", *got)
	}
}

func TestNoJournal(t *testing.T) {
	if isJournal(new(strings.Builder)) {
		t.Error("a buffer is taken for the journal")
	}
	t.Setenv("JOURNAL_STREAM", "1:1")
	if isJournal(os.Stderr) {
		t.Error("another stream is taken for the journal")
	}
	for format, want := range map[string]string{"text": "level=INFO msg=ready", "json": `"msg":"ready"`} {
		var out strings.Builder
		newLogging(&out, policy.Log{Level: "info", Format: format}, &process.LostRecords{}).Info("ready")
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s: got %q, want %q in it", format, out.String(), want)
		}
	}
}
