package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/token"
)

var at = time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", 3600))

func TestFileRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	events := []Event{
		Access{
			At: at, Action: "token", Instance: "cad/1", Outcome: fault.Denied,
			Caller:   authz.Caller{UID: "1000", User: "alice", PID: 42, Exe: `/opt/<cad>&"1"`, Weak: true},
			Decision: authz.Decision{Reason: "no rule"},
		},
		Change{At: at, Instance: token.Instance{Tenant: "t", Application: "cad", Number: 1}, From: token.Live, To: token.Stale, Cause: fault.Unavailable},
	}
	for _, e := range events {
		if err := f.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":"2026-11-23T09:00:00Z","event":"access","action":"token","instance":"cad/1","uid":"1000","user":"alice","pid":42,"exe":"/opt/<cad>&\"1\"","weak":true,"allow":false,"reason":"no rule","outcome":"denied"}
{"at":"2026-11-23T09:00:00Z","event":"change","instance":"cad/1","tenant":"t","from":"live","to":"stale","outcome":"unavailable"}
`
	if diff := cmp.Diff(string(got), want); diff != "" {
		t.Error(diff)
	}
}

func TestFileIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	const most = 2000
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.maxSize = most
	t.Cleanup(func() { f.Close() })
	for n := range 100 {
		if err := f.Record(t.Context(), Access{At: at, Action: "token", Caller: authz.Caller{PID: n}}); err != nil {
			t.Fatal(err)
		}
	}
	last := 99
	for _, name := range []string{path, path + ".1"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 || len(b) > most {
			t.Errorf("%s has %d bytes, want 1 to %d", name, len(b), most)
		}
		lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
		for _, text := range slices.Backward(lines) {
			var l line
			if err := json.Unmarshal(text, &l); err != nil || l.PID != last {
				t.Fatalf("%s: line of process %d, %v; want %d", name, l.PID, err, last)
			}
			last--
		}
	}
}

func TestFileWriteError(t *testing.T) {
	f, err := OpenFile(filepath.Join(t.TempDir(), "audit.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Record(t.Context(), Access{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Record on a closed file = %v, want %v", err, os.ErrClosed)
	}
	if _, err := OpenFile(filepath.Join(t.TempDir(), "missing", "audit.jsonl")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("OpenFile in a missing directory = %v, want %v", err, os.ErrNotExist)
	}
}
