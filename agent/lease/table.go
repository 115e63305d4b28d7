// Package lease says which live process uses which instance.
//
// A lease is exclusive, costs nothing, and ends with its process. The journal, in
// journal.go, keeps leases over a restart of the daemon. The caller watches the
// processes: the package is given one.
package lease

import (
	"slices"
	"sync"

	"regent/agent/token"
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

// Lease is a lease as a journal has it.
type Lease struct {
	Instance token.Instance `json:"instance"`
	Holder   Holder         `json:"holder"`
}

// Change is a lease that began, or one that ended.
type Change struct {
	Lease
	Ended bool `json:"ended,omitempty"`
}

// Table says which process leases which instance. It is safe for concurrent
// use. A lease whose process has ended is gone whenever the table is asked; no
// goroutine watches.
type Table struct {
	// OnJournalError gets each error of writing the journal. The lease itself is valid. Set
	// it before the table is in use; nil is allowed.
	OnJournalError func(error)

	mu       sync.Mutex
	journal  *journal // nil without one
	leases   map[token.Instance]*entry
	byHolder map[holderKey][]token.Instance // the same by holder, so that who asks again is found at once
}

// holderKey is what makes a holder.
type holderKey struct {
	pid    int
	start  uint64
	bootID string
	cgroup string
}

func (h Holder) key() holderKey { return holderKey{h.PID, h.Start, h.BootID, h.Cgroup} }

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

// isParentOf reports whether h, which lives, started the claimant. One that began
// after its child only has the PID of the child's parent.
func (h Holder) isParentOf(c Claim) bool {
	return h.Cgroup == "" && h.PID == c.Parent && h.BootID == c.BootID && h.Start <= c.Start
}

// Result is the result of [Table.Acquire].
type Result int

// The results of [Table.Acquire].
const (
	Busy        Result = iota // another live process has it
	Acquired                  // leased to the caller just now
	AlreadyHeld               // the caller has it since earlier
	Shared                    // the caller is a live direct child of the holder
)

// Acquire leases id to the claimant if it is free or already its own. A live
// direct child of the holder may use the instance without a lease of its own,
// if it names it: named says so. Whoever is told [Acquired] or [AlreadyHeld] calls
// [Table.EndRequest] when the request has ended.
func (t *Table) Acquire(id token.Instance, c Claim, named bool) (Result, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(id) // first: who has ended may have left its PID to the one that asks
	if e, ok := t.leases[id]; ok {
		switch {
		case e.Same(c.Holder):
			e.requests++
			return AlreadyHeld, nil
		case named && e.isParentOf(c):
			return Shared, nil
		}
		return Busy, nil
	}
	p, err := c.Process.Duplicate()
	if err != nil {
		return Busy, err
	}
	t.add(id, &entry{Holder: c.Holder, process: p, requests: 1})
	t.record(Change{Lease: Lease{id, c.Holder}})
	return Acquired, nil
}

// Restore takes up a lease of before the daemon was restarted. The table owns p,
// the process h, which lives.
func (t *Table) Restore(id token.Instance, h Holder, p Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.leases[id]; ok {
		_ = p.Close() // somebody was faster
		return
	}
	t.add(id, &entry{Holder: h, process: p, used: true})
}

// record is called with mu held.
func (t *Table) record(l Change) {
	if t.journal == nil {
		return
	}
	err := t.journal.record(l, func() []Lease {
		kept := make([]Lease, 0, len(t.leases))
		for id, e := range t.leases {
			kept = append(kept, Lease{id, e.Holder})
		}
		return kept
	})
	if err != nil && t.OnJournalError != nil {
		t.OnJournalError(err)
	}
}

// ByHolder appends to ids what h leases, in the order of taking. h is the one who
// asks, and so lives.
func (t *Table) ByHolder(h Holder, ids []token.Instance) []token.Instance {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(ids, t.byHolder[h.key()]...)
}

// Holder returns the live process that leases id.
func (t *Table) Holder(id token.Instance) (Holder, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(id)
	e, ok := t.leases[id]
	if !ok {
		return Holder{}, false
	}
	return e.Holder, true
}

// Release ends the lease of id if h holds it, and reports whether it did.
func (t *Table) Release(id token.Instance, h Holder) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.leases[id]
	if !ok || !e.Same(h) {
		return false
	}
	t.end(id)
	return true
}

// EndRequest ends a request of h under the lease of id. served says that something was
// handed out. A lease under which nothing ever was ends with its last request.
func (t *Table) EndRequest(id token.Instance, h Holder, served bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.leases[id]
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
func (t *Table) All() map[token.Instance]Holder {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := map[token.Instance]Holder{}
	for id := range t.leases {
		t.expire(id)
		if e, ok := t.leases[id]; ok {
			out[id] = e.Holder
		}
	}
	return out
}

// Close releases every process handle and closes the journal, which keeps the leases.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.leases {
		t.remove(id)
	}
	return t.journal.close()
}

// expire ends the lease of id if its process has.
func (t *Table) expire(id token.Instance) {
	if e, ok := t.leases[id]; ok && e.process.Alive() != nil {
		t.end(id)
	}
}

// end drops a lease that has ended, and says so in the journal.
func (t *Table) end(id token.Instance) {
	t.record(Change{Lease: Lease{Instance: id}, Ended: true})
	t.remove(id)
}

func (t *Table) add(id token.Instance, e *entry) {
	if t.leases == nil {
		t.leases, t.byHolder = map[token.Instance]*entry{}, map[holderKey][]token.Instance{}
	}
	t.leases[id] = e
	t.byHolder[e.key()] = append(t.byHolder[e.key()], id)
}

func (t *Table) remove(id token.Instance) {
	e := t.leases[id]
	// A handle that cannot be closed is of no use to anyone; there is nothing
	// to tell the caller that would change what it does.
	_ = e.process.Close()
	delete(t.leases, id)
	rest := slices.DeleteFunc(t.byHolder[e.key()], func(one token.Instance) bool { return one == id })
	if len(rest) == 0 {
		delete(t.byHolder, e.key())
		return
	}
	t.byHolder[e.key()] = rest
}
