package audit

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/fault"
)

// TestAppendTo: whatever is in a line, what is written reads back as what
// encoding/json would have written, in one line.
func TestAppendTo(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.Just(""), rapid.SampledFrom([]string{"a\nb", `"`, `\`, "<&>", "\xff", "\u2028", "/opt/cad/bin/cad"}))
	rapid.Check(t, func(t *rapid.T) {
		allow := rapid.Bool().Draw(t, "allow")
		l := line{
			At:    time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Event: rapid.SampledFrom([]string{"access", "change"}).Draw(t, "event"), Action: text.Draw(t, "action"), Instance: text.Draw(t, "instance"), Tenant: text.Draw(t, "tenant"),
			UID: text.Draw(t, "uid"), User: text.Draw(t, "user"), PID: rapid.Int().Draw(t, "pid"), Exe: text.Draw(t, "exe"), Unit: text.Draw(t, "unit"),
			Weak: rapid.Bool().Draw(t, "weak"), Rule: text.Draw(t, "rule"), Reason: text.Draw(t, "reason"),
			From: text.Draw(t, "from"), To: text.Draw(t, "to"), Outcome: fault.Kind(text.Draw(t, "outcome")), Times: rapid.IntRange(0, 1<<40).Draw(t, "times"),
			Since: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "since"), 0).UTC(),
		}
		if rapid.Bool().Draw(t, "decided") {
			l.Allow = &allow
		}
		got := l.appendTo(nil)
		if n := len(got); bytes.IndexByte(got, '\n') != n-1 {
			t.Fatalf("%q is not one line", got)
		}
		std, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(object(t, got), object(t, std)); diff != "" {
			t.Errorf("got -, want +:\n%s", diff)
		}
	})
}

func object(t *rapid.T, b []byte) map[string]any {
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return m
}

func BenchmarkAppendTo(b *testing.B) {
	yes := true
	l := line{
		At: time.Unix(1, 2).UTC(), Event: "access", Action: "token", Instance: "cad/1", UID: "1000", User: "alice", PID: 4242,
		Exe: "/opt/cad/bin/cad", Allow: &yes, Rule: "allow[0] (/etc/regent/config.yaml:12)", Reason: "it holds: users",
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = l.appendTo(buf[:0])
	}
}
