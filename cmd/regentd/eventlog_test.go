package main

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/policy"
	"regent/platform/process"
	"regent/platform/service"
)

// event is an entry of the event log: its type and its text.
type event struct{ Type, Text string }

// fakeEventLog is an event log that remembers.
type fakeEventLog struct {
	service.Log
	events []event
}

func (n *fakeEventLog) Info(text string) error    { return n.add("information", text) }
func (n *fakeEventLog) Warning(text string) error { return n.add("warning", text) }
func (n *fakeEventLog) Error(text string) error   { return n.add("error", text) }

func (n *fakeEventLog) add(kind, text string) error {
	n.events = append(n.events, event{kind, text})
	return nil
}

// logEachLevel logs one record of each level; spoken is what comes of it.
func logEachLevel(log *slog.Logger) {
	log.Debug("not wanted")
	log.Info("serves", "pipe", `\\.\pipe\regent`, "applications", 2)
	log.With("instance", "cad/1").Warn("the service is slow", "took", "31 s")
	log.Error("the disk is full", "text", "two\nlines")
}

func loggedEvents() []event {
	return []event{
		{"information", `serves pipe=\\.\pipe\regent applications=2`},
		{"warning", `the service is slow instance=cad/1 took="31 s"`},
		{"error", `the disk is full text="two\nlines"`},
	}
}

// TestEvents: each record is one entry of its level's type, its attributes after
// the message as key=value; what is no record is a warning.
func TestEvents(t *testing.T) {
	n := new(fakeEventLog)
	w := &eventLog{n}
	logEachLevel(newLogging(w, policy.Log{Level: "info"}, &process.LostRecords{}).Logger)
	if length, err := w.Write([]byte("something else")); err != nil || length != len("something else") {
		t.Errorf("a write: got %d, %v", length, err)
	}
	if diff := cmp.Diff(n.events, append(loggedEvents(), event{"warning", "something else"})); diff != "" {
		t.Errorf("entries (-got +want):\n%s", diff)
	}
}
