package audit

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/token"
)

// countingLog is a log that keeps nothing but the number of its events.
type countingLog struct {
	n   int
	err error
}

func (k *countingLog) Record(context.Context, Event) error { k.n++; return k.err }

// Every event is recorded; the same is told once a minute, with a counter, and
// nothing that was left untold is lost.
func TestForwarder(t *testing.T) {
	now := at
	var told bytes.Buffer
	log := &countingLog{}
	b := NewForwarder(log, func() time.Time { return now }, testLog(&told))
	record := func(e Event) {
		t.Helper()
		if err := b.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	alice := Access{Caller: authz.Caller{UID: "1000", User: "alice", Exe: "/opt/cad"}, Action: "token", Instance: "cad/1", Decision: authz.Decision{Allow: true, Rule: "allow[0]"}}
	for n := range 600 { // ten a second
		alice.Caller.PID = n // another process of the same program says nothing new
		record(alice)
		now = now.Add(100 * time.Millisecond)
	}
	record(Change{Instance: token.Instance{Tenant: "h", Application: "cad", Number: 1}, From: token.Live, To: token.Stale, Cause: fault.Unavailable})
	record(Access{At: now, Caller: authz.Caller{UID: "1001"}, Action: "token", Instance: "cad", Decision: authz.Decision{Reason: "no rule"}, Outcome: fault.Denied})
	want := `level=INFO msg=audit event=access action=token instance=cad/1 caller=alice exe=/opt/cad rule=allow[0]
level=INFO msg=audit event=access action=token instance=cad/1 caller=alice exe=/opt/cad rule=allow[0] times=599
level=INFO msg=audit event=change instance=cad/1 from=live to=stale kind=unavailable
level=INFO msg=audit event=access action=token instance=cad caller="uid 1001" reason="no rule" kind=denied
`
	if diff := cmp.Diff(told.String(), want); diff != "" || log.n != 602 {
		t.Errorf("%d recorded; got -, want +:\n%s", log.n, diff)
	}
}

// testLog writes lines without their time.
func testLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// That a record failed is the caller's to know, and is told of all the same.
func TestForwarderReturnsErrors(t *testing.T) {
	full := errors.New("no space left on device")
	var told bytes.Buffer
	b := NewForwarder(&countingLog{err: full}, func() time.Time { return at }, testLog(&told))
	if err := b.Record(t.Context(), Access{Action: "token"}); !errors.Is(err, full) || told.Len() == 0 {
		t.Errorf("Record = %v, told %q", err, &told)
	}
}
