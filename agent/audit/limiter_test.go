package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"regent/agent/authz"
	"regent/agent/fault"
)

// memoryLog is a log in memory, which fails when it is told to.
type memoryLog struct {
	lines []Access
	err   error
}

func (b *memoryLog) Record(_ context.Context, e Event) error {
	if b.err != nil {
		return b.err
	}
	if a, ok := e.(Access); ok {
		b.lines = append(b.lines, a)
	}
	return nil
}

// times adds up what the lines of a user say; "" is all.
func (b *memoryLog) times(uid string) (n int) {
	for _, a := range b.lines {
		if uid == "" || a.Caller.UID == uid {
			n += max(1, a.Times)
		}
	}
	return n
}

func refusal(uid string, n int) Access {
	return Access{
		At: at, Action: "token", Instance: "cad", Outcome: fault.Denied,
		Caller:   authz.Caller{UID: uid, PID: n, Exe: "/opt/cad/bin/cad"},
		Decision: authz.Decision{Reason: "no rule"},
	}
}

// TestLimiter: the first refusals have a line each; a shouting user's later ones
// are one line with their number, and another user's lines are as they were.
func TestLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &memoryLog{}
		f := NewLimiter(log, time.Now, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		record := func(a Access) {
			t.Helper()
			if a.At = time.Now(); f.Record(t.Context(), a) != nil {
				t.Fatal("it failed")
			}
		}
		for n := range 10 * 1000 { // a thousand a second
			record(refusal("666", n))
			if n == 1000 {
				record(refusal("1000", 7))
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * flushInterval)
		stop()
		if err := errors.Join(<-done, f.Close()); err != nil {
			t.Fatal(err)
		}
		if got := log.times("666"); got != 10*1000 {
			t.Errorf("the lines say %d times, want %d", got, 10*1000)
		}
		last := log.lines[len(log.lines)-1]
		if n := len(log.lines); n > burst+perMinute+2 || last.Times < 9_900 || last.Caller.PID != 10*1000-1 {
			t.Errorf("%d lines, the last %+v", n, last)
		}
		if d := last.At.Sub(last.Since); d < 9*time.Second || d > 10*time.Second {
			t.Errorf("it says that it took %s", d)
		}
		if got := log.times("1000"); got != 1 {
			t.Errorf("the other user has %d lines", got)
		}
	})
}

// TestLimiterProperty: whatever comes from whom, the lines say for each outcome how
// often it came, none is counted for somebody else, and no user has more lines in
// a minute than the limits say.
func TestLimiterProperty(t *testing.T) {
	outcomes := []fault.Kind{"", fault.Denied, fault.UnknownApplication}
	rapid.Check(t, func(t *rapid.T) {
		now := at
		log := &memoryLog{}
		f := NewLimiter(log, func() time.Time { return now }, slog.New(slog.DiscardHandler))
		want, alone := map[string]int{}, 0
		begin, lines := now, map[string]int{}
		minute := func() {
			for _, a := range log.lines[lines["all"]:] {
				lines[a.Caller.UID]++
			}
			for uid, n := range lines {
				if most := burst + perMinute + 1 + maxRefusals + 2*maxHandouts + 20 + len(outcomes); uid != "all" && n-alone > most {
					t.Fatalf("%d lines of user %q within %s", n, uid, now.Sub(begin))
				}
			}
			clear(lines)
			lines["all"], begin, alone = len(log.lines), now, 0
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				log.err = rapid.SampledFrom([]error{nil, errors.New("full")}).Draw(t, "fails")
			case 1:
				if err := f.flush(t.Context()); err != nil && !errors.Is(err, log.err) {
					t.Fatal(err)
				}
				minute()
			default:
				a := refusal(rapid.SampledFrom([]string{"1", "2"}).Draw(t, "uid"), rapid.IntRange(1, 20).Draw(t, "pid"))
				a.Outcome = rapid.SampledFrom(outcomes).Draw(t, "outcome")
				a.Instance = fmt.Sprint("app-", rapid.IntRange(1, 20).Draw(t, "app"))
				a.Separate = rapid.IntRange(0, 20).Draw(t, "alone") == 0
				for range rapid.IntRange(1, 100).Draw(t, "times") {
					if f.Record(t.Context(), a) == nil {
						want[a.Caller.UID+string(a.Outcome)]++
						if a.Separate {
							alone++
						}
					}
				}
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			if now.Sub(begin) >= flushInterval {
				_ = f.flush(t.Context()) // as Run does
				minute()
			}
		}
		log.err = nil
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, a := range log.lines {
			got[a.Caller.UID+string(a.Outcome)] += max(1, a.Times)
		}
		for k, n := range want {
			if got[k] != n {
				t.Fatalf("%s: the lines say %d, want %d", k, got[k], n)
			}
		}
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// TestLimiterManyUsers: a user who has many (as by a user namespace) fills no more
// than some, and those who were known before keep their own lines.
func TestLimiterManyUsers(t *testing.T) {
	log := &memoryLog{}
	f := NewLimiter(log, func() time.Time { return at }, slog.New(slog.DiscardHandler))
	const users, times = 500, 70
	for n := range times {
		for u := range users {
			if err := f.Record(t.Context(), refusal(fmt.Sprint(u), n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if got := log.times(""); got != users*times {
		t.Errorf("the lines say %d times, want %d", got, users*times)
	}
	if most := (maxUsers + 1) * (burst + maxRefusals + 2); len(log.lines) > most {
		t.Errorf("%d lines, want at most %d", len(log.lines), most)
	}
	if got := log.times("0"); got != times {
		t.Errorf("the first user's lines say %d times, want %d", got, times)
	}
	if len(f.users) > maxUsers+1 {
		t.Errorf("%d users are remembered", len(f.users))
	}
}

// TestLimiterForgetsIdleUsers: who is quiet makes room for others.
func TestLimiterForgetsIdleUsers(t *testing.T) {
	now := at
	f := NewLimiter(&memoryLog{}, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	for u := range 3 * maxUsers {
		if u == maxUsers {
			now = now.Add(time.Hour)
		}
		if err := f.Record(t.Context(), refusal(fmt.Sprint(u), 1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ok := f.users[fmt.Sprint(maxUsers)]; !ok {
		t.Error("the one who came after an hour has no tab")
	}
}

// TestLimiterSeparateLines: what must have a line of its own has one, or the caller knows.
func TestLimiterSeparateLines(t *testing.T) {
	log := &memoryLog{}
	f := NewLimiter(log, func() time.Time { return at }, slog.New(slog.DiscardHandler))
	grant := refusal("1", 1)
	grant.Outcome, grant.Separate = "", true
	for range 1000 {
		if err := f.Record(t.Context(), grant); err != nil {
			t.Fatal(err)
		}
	}
	if len(log.lines) != 1000 {
		t.Errorf("%d lines, want one for each", len(log.lines))
	}
	log.err = errors.New("full")
	if err := f.Record(t.Context(), grant); !errors.Is(err, log.err) {
		t.Errorf("got %v, want that it failed", err)
	}
}

// TestLimiterClipsText: no caller makes a line long by the name of its program or of
// what it asks for.
func TestLimiterClipsText(t *testing.T) {
	log := &memoryLog{}
	f := NewLimiter(log, func() time.Time { return at }, slog.New(slog.DiscardHandler))
	long := refusal("1", 1)
	long.Instance, long.Caller.Exe = strings.Repeat("x", 1<<16), strings.Repeat("é", 1<<12)
	if err := f.Record(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	got := log.lines[0]
	if len(got.Instance) > maxText+3 || len(got.Caller.Exe) > maxText+3 || !strings.HasSuffix(got.Caller.Exe, "é…") {
		t.Errorf("%d and %d bytes, %q", len(got.Instance), len(got.Caller.Exe), got.Caller.Exe)
	}
}

// TestLimiterKeepsHandouts: noise of the same user's, or of many users', takes from a
// hand-out neither who got it nor what; what an administrator did is a line.
func TestLimiterKeepsHandouts(t *testing.T) {
	for name, uids := range map[string]int{"one user": 1, "more users than tabs": 3 * maxUsers} {
		t.Run(name, func(t *testing.T) {
			log := &memoryLog{}
			f := NewLimiter(log, func() time.Time { return at }, slog.New(slog.DiscardHandler))
			record := func(a Access) {
				t.Helper()
				if err := f.Record(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			for n := range 3 * burst {
				for u := range uids {
					noise := refusal(fmt.Sprint(u), n)
					noise.Instance = fmt.Sprint("none-", n)
					record(noise)
				}
			}
			thief := fmt.Sprint(uids - 1)
			const processes = 3 * maxHandouts
			for pid := range processes {
				given := refusal(thief, pid)
				given.Outcome, given.Instance, given.Decision = "", "cad/2", authz.Decision{Allow: true, Rule: "allow[0]"}
				record(given)
			}
			forgot := refusal("0", 1)
			forgot.Outcome, forgot.Action, forgot.Caller.Admin = "", "forget", true
			record(forgot)
			if last := log.lines[len(log.lines)-1]; last.Action != "forget" || last.Times != 0 {
				t.Errorf("what an administrator did is %+v", last)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			got := 0
			for _, a := range log.lines {
				if a.Outcome == "" && a.Action != "forget" {
					got += max(1, a.Times)
					if a.Caller.UID != thief || a.Instance != "cad/2" || a.Decision.Rule != "allow[0]" {
						t.Fatalf("a hand-out is %+v", a)
					}
				}
			}
			if got != processes {
				t.Errorf("the lines say %d hand-outs, want %d", got, processes)
			}
		})
	}
}

// TestLimiterLineLength: whatever a caller chooses, a line is not much longer than
// any other.
func TestLimiterLineLength(t *testing.T) {
	for _, nasty := range []string{"\x01", "\u2028", "<", `"`, "\xff", "é<", "\U0010ffff"} {
		a := refusal("1", 1)
		a.Instance = strings.Repeat(nasty, 1000)
		a.Caller.Exe, a.Caller.Unit = a.Instance, a.Instance
		var out strings.Builder
		if err := newEncoder(&out).Encode(lineOf(clipAccess(a))); err != nil || out.Len() > 2000 {
			t.Errorf("%q: a line has %d bytes, %v", nasty, out.Len(), err)
		}
	}
}
