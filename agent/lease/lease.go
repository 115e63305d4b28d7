// Package lease says which live process uses which instance.
//
// A lease is exclusive, costs nothing, and ends with its process. The journal, in
// journal.go, keeps leases over a restart of the daemon. The caller watches the
// processes: the package is given one.
package lease

import (
	"slices"
	"sync"

	"regent/agent/instance"
)

// Holder names a process: its PID means nothing without the start time and
// the boot it belongs to. Or it names a unit of the service manager, by its
// cgroup and, as Start, the number of that.
type Holder struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"` // in the system's own unit
	BootID string `json:"boot_id"`
	User   string `json:"user"` // for people
	Exe    string `json:"exe"`  // for people
	Cgroup string `json:"cgroup,omitempty"`
}

// Same reports whether two holders are one process, whatever it is called.
func (h Holder) Same(o Holder) bool {
	return h.key() == o.key()
}

// Kept is a lease as a journal has it.
type Kept struct {
	Instance instance.ID `json:"instance"`
	Holder   Holder      `json:"holder"`
}

// Change is a lease that began, or one that ended.
type Change struct {
	Kept
	Ended bool `json:"ended,omitempty"`
}

// Journal remembers leases over a restart of the daemon.
type Journal interface {
	// Record keeps a change. all says what is leased, for a journal that has
	// become long. A failure is for the log: the lease itself stands.
	Record(c Change, all func() []Kept) error
}

// Table says which process leases which instance. It is safe for concurrent
// use. A lease whose process has ended is gone whenever the table is asked; no
// goroutine watches.
type Table struct {
	// Journal is told of each change if it is set before the table is in use, and
	// Failed of a change that it could not keep.
	Journal Journal
	Failed  func(error)

	mu   sync.Mutex
	held map[instance.ID]*entry
	mine map[key][]instance.ID // the same by holder, so that who asks again is found at once
}

// key is what makes a holder.
type key struct {
	pid    int
	start  uint64
	bootID string
	cgroup string
}

func (h Holder) key() key { return key{h.PID, h.Start, h.BootID, h.Cgroup} }

type entry struct {
	Holder
	process  Process
	requests int  // under way
	used     bool // something was handed out under it
}

// Claim is who wants an instance.
type Claim struct {
	Holder
	Parent  int     // PID of the caller's parent
	Process Process // the caller; the table holds it again for itself
}

// parentOf reports whether h, which lives, started the claimant. One that began
// after its child only has the PID of the child's parent.
func (h Holder) parentOf(c Claim) bool {
	return h.Cgroup == "" && h.PID == c.Parent && h.BootID == c.BootID && h.Start <= c.Start
}

// Result of a Take.
type Result int

// The results of [Table.Take].
const (
	Busy    Result = iota // another live process has it
	Taken                 // leased to the caller just now
	Already               // the caller has it since earlier
	Shared                // the caller is a live direct child of the holder
)

// Take leases id to the claimant if it is free or already its own. A live
// direct child of the holder may use the instance without a lease of its own,
// if it names it: named says so. Whoever is told [Taken] or [Already] calls
// [Table.Done] when the request has ended.
func (t *Table) Take(id instance.ID, c Claim, named bool) (Result, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(id) // first: who has ended may have left its PID to the one that asks
	if e, ok := t.held[id]; ok {
		switch {
		case e.Same(c.Holder):
			e.requests++
			return Already, nil
		case named && e.parentOf(c):
			return Shared, nil
		}
		return Busy, nil
	}
	p, err := c.Process.Hold()
	if err != nil {
		return Busy, err
	}
	t.add(id, &entry{Holder: c.Holder, process: p, requests: 1})
	t.record(Change{Kept: Kept{id, c.Holder}})
	return Taken, nil
}

// Adopt takes up a lease of before the daemon was restarted. The table owns p,
// the process h, which lives.
func (t *Table) Adopt(id instance.ID, h Holder, p Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.held[id]; ok {
		_ = p.Close() // somebody was faster
		return
	}
	t.add(id, &entry{Holder: h, process: p, used: true})
}

// record is called with mu held.
func (t *Table) record(l Change) {
	if t.Journal == nil {
		return
	}
	err := t.Journal.Record(l, func() []Kept {
		kept := make([]Kept, 0, len(t.held))
		for id, e := range t.held {
			kept = append(kept, Kept{id, e.Holder})
		}
		return kept
	})
	if err != nil && t.Failed != nil {
		t.Failed(err)
	}
}

// Of appends to ids what h leases, in the order of taking. h is the one who
// asks, and so lives.
func (t *Table) Of(h Holder, ids []instance.ID) []instance.ID {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(ids, t.mine[h.key()]...)
}

// Holder returns the live process that leases id.
func (t *Table) Holder(id instance.ID) (Holder, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sweep(id)
	e, ok := t.held[id]
	if !ok {
		return Holder{}, false
	}
	return e.Holder, true
}

// Release ends the lease of id if h holds it, and reports whether it did.
func (t *Table) Release(id instance.ID, h Holder) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.held[id]
	if !ok || !e.Same(h) {
		return false
	}
	t.end(id)
	return true
}

// Done ends a request of h under the lease of id. served says that something was
// handed out. A lease under which nothing ever was ends with its last request.
func (t *Table) Done(id instance.ID, h Holder, served bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.held[id]
	if !ok || !e.Same(h) {
		return
	}
	e.requests--
	e.used = e.used || served
	if e.requests <= 0 && !e.used {
		t.end(id)
	}
}

// All returns every live lease.
func (t *Table) All() map[instance.ID]Holder {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[instance.ID]Holder{}
	for id := range t.held {
		t.sweep(id)
		if e, ok := t.held[id]; ok {
			out[id] = e.Holder
		}
	}
	return out
}

// Close gives up every process handle. The journal keeps what was leased.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.held {
		t.drop(id)
	}
	return nil
}

// sweep ends the lease of id if its process has.
func (t *Table) sweep(id instance.ID) {
	if e, ok := t.held[id]; ok && e.process.Alive() != nil {
		t.end(id)
	}
}

// end drops a lease that has ended, and says so in the journal.
func (t *Table) end(id instance.ID) {
	t.record(Change{Kept: Kept{Instance: id}, Ended: true})
	t.drop(id)
}

func (t *Table) add(id instance.ID, e *entry) {
	if t.held == nil {
		t.held, t.mine = map[instance.ID]*entry{}, map[key][]instance.ID{}
	}
	t.held[id] = e
	t.mine[e.key()] = append(t.mine[e.key()], id)
}

func (t *Table) drop(id instance.ID) {
	e := t.held[id]
	// A handle that cannot be closed is of no use to anyone; there is nothing
	// to tell the caller that would change what it does.
	_ = e.process.Close()
	delete(t.held, id)
	rest := slices.DeleteFunc(t.mine[e.key()], func(one instance.ID) bool { return one == id })
	if len(rest) == 0 {
		delete(t.mine, e.key())
		return
	}
	t.mine[e.key()] = rest
}
