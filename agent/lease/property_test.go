package lease_test

import (
	"testing"

	"pgregory.net/rapid"

	"regent/agent/lease"
	"regent/agent/token"
)

// machine drives a table and a model of it: who of the living has what.
type machine struct {
	table     lease.Table
	processes []*process
	parents   map[*process]*process // who started it, whatever has that PID now
	model     map[token.Instance]*process
}

// TestTableProperty: whatever happens, no instance is leased to two processes
// that live, each result is what the model says, and every hold is closed once.
func TestTableProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &machine{model: map[token.Instance]*process{}, parents: map[*process]*process{}}
		t.Repeat(map[string]func(*rapid.T){
			"start":   m.start,
			"take":    m.take,
			"end":     m.end,
			"release": m.release,
			"close":   m.close,
			"":        m.check,
		})
		m.close(t)
		m.check(t)
	})
}

func (m *machine) start(t *rapid.T) {
	parent, mother := 1, (*process)(nil)
	if len(m.processes) > 0 && rapid.Bool().Draw(t, "child") {
		if mother = m.process(t); mother.dead {
			t.Skip("the dead have no children")
		}
		parent = mother.PID
	}
	p := newProcess(100+len(m.processes)%4, parent) // PIDs come again
	p.Start = uint64(len(m.processes))
	m.parents[p] = mother
	for _, old := range m.processes {
		if old.PID == p.PID && !old.dead {
			t.Skip("its PID is in use")
		}
	}
	m.processes = append(m.processes, p)
}

func (m *machine) process(t *rapid.T) *process {
	if len(m.processes) == 0 {
		t.Skip("no process")
	}
	return rapid.SampledFrom(m.processes).Draw(t, "process")
}

func (m *machine) instance(t *rapid.T) token.Instance {
	return cad(rapid.IntRange(1, 3).Draw(t, "instance"))
}

func (m *machine) take(t *rapid.T) {
	p, id, named := m.process(t), m.instance(t), rapid.Bool().Draw(t, "named")
	if p.dead {
		t.Skip("it has ended")
	}
	has := m.model[id]
	want := lease.Busy
	switch {
	case has == nil || has.dead:
		want, m.model[id] = lease.Acquired, p
	case has == p:
		want = lease.AlreadyHeld
	case named && m.parents[p] == has:
		want = lease.Shared
	}
	if got, err := m.table.Acquire(id, p.claim(), named); err != nil || got != want {
		t.Fatalf("Take: got %d, %v, want %d", got, err, want)
	}
}

func (m *machine) end(t *rapid.T) { m.process(t).end() }

func (m *machine) release(t *rapid.T) {
	p, id := m.process(t), m.instance(t)
	if p.dead {
		t.Skip("it has ended")
	}
	want := m.model[id] == p
	if got := m.table.Release(id, p.Holder); got != want {
		t.Fatalf("Release: got %t, want %t", got, want)
	}
	if want {
		delete(m.model, id)
	}
}

func (m *machine) close(t *rapid.T) {
	if err := m.table.Close(); err != nil {
		t.Fatal(err)
	}
	clear(m.model)
}

// check compares the table with the model, and the holds with both.
func (m *machine) check(t *rapid.T) {
	want := map[token.Instance]lease.Holder{}
	holds := map[*process]int{}
	for id, p := range m.model {
		if !p.dead {
			want[id] = p.Holder
			holds[p]++
		}
	}
	got := m.table.All()
	if len(got) != len(want) {
		t.Fatalf("All: got %v, want %v", got, want)
	}
	for id, h := range want {
		if got[id] != h {
			t.Fatalf("%s is leased to %v, want %v", id, got[id], h)
		}
	}
	for _, p := range m.processes {
		for _, id := range m.table.ByHolder(p.Holder, nil) {
			if want[id] != p.Holder {
				t.Fatalf("process %d has %s, which is leased to %v", p.PID, id, want[id])
			}
		}
		if open, twice := p.open(); open != holds[p] || twice != 0 {
			t.Fatalf("process %d: %d holds are open and %d were closed wrongly, want %d and 0", p.PID, open, twice, holds[p])
		}
	}
}
