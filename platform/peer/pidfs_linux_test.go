package peer

import (
	"testing"
)

// TestNumber: each handle of a process has its number, and another process has another one.
// The start time is the one in /proc, read or remembered.
func TestNumber(t *testing.T) {
	o := start(t, self(t), nil)
	p := peerOf(t, o)
	if p.Number() == 0 {
		t.Skip("the kernel does not number processes")
	}
	st, err := readStat(p.PID)
	if err != nil {
		t.Fatal(err)
	}
	if start, ok := starts.get(p.Number()); !ok || start != st.start {
		t.Errorf("remembered %d, %t; want %d", start, ok, st.start)
	}
	again, err := Identify(o.conn)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	second, err := p.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	third, err := Open(p.PID, p.Start)
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if again.Number() != p.Number() || second.Number() != p.Number() || third.Number() != p.Number() {
		t.Errorf("one process has the numbers %d, %d, %d and %d", p.Number(), again.Number(), second.Number(), third.Number())
	}
	if again.Start != st.start || again.ParentPID != st.parent {
		t.Errorf("start %d of parent %d, want %d of %d", again.Start, again.ParentPID, st.start, st.parent)
	}
	other := peerOf(t, start(t, self(t), nil))
	if other.Number() == p.Number() {
		t.Errorf("two processes have the number %d", p.Number())
	}
}

// TestStartTimesAreBounded: many processes do not make the memory grow.
func TestStartTimesAreBounded(t *testing.T) {
	var s startTimes
	for n := range uint64(3 * maxStarts) {
		s.add(n, n+1)
		if start, ok := s.get(n); !ok || start != n+1 {
			t.Fatalf("%d: %d, %t", n, start, ok)
		}
	}
	if len(s.byNumber) > maxStarts {
		t.Errorf("%d are remembered", len(s.byNumber))
	}
}
