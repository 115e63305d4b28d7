// Package lease says which live process uses which instance.
//
// A lease is exclusive, costs no count, and ends with its process. The journal, in
// journal.go, keeps leases over a restart of the daemon. The caller brings the handles of
// the processes.
package lease

import (
	"slices"
	"sync"

	"regent/agent/token"
)

// Holder names a process by its PID, start time and boot: a PID alone is used again. If
// Cgroup is set, it names a unit of the service manager, and Start is the number of the
// cgroup.
type Holder struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"` // in the system's own unit
	BootID string `json:"boot_id"`
	User   string `json:"user"` // for people
	Exe    string `json:"exe"`  // for people
	Cgroup string `json:"cgroup,omitempty"`
}

// Same reports whether two holders are the same process or unit. It ignores User and Exe.
func (h Holder) Same(o Holder) bool {
	return h.key() == o.key()
}

// Lease is a lease in the form of the journal.
type Lease struct {
	Instance token.Instance `json:"instance"`
	Holder   Holder         `json:"holder"`
}

// Change is a lease that began, or one that ended.
type Change struct {
	Lease
	Ended bool `json:"ended,omitempty"`
}

// Table has the leases. It is safe for concurrent use. No goroutine watches the processes:
// each call first ends the lease of a process that has ended.
type Table struct {
	// OnJournalError gets each error of writing the journal. The lease itself is valid. Set
	// it before the table is in use; nil is allowed.
	OnJournalError func(error)

	mu       sync.Mutex
	journal  *journal // nil without one
	leases   map[token.Instance]*entry
	ended    map[token.Instance]Holder      // the last holders of free instances, if they ended
	byHolder map[holderKey][]token.Instance // an index of leases
	numbers  map[application]*numbers       // the same, by application
}

// holderKey has the fields that identify a holder.
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
	used     bool // a token was issued under it
}

// Claim is a request for a lease.
type Claim struct {
	Holder
	Parent  int     // PID of the caller's parent
	Process Process // of the caller; the table duplicates it
}

// isParentOf reports whether h started the claimant. A process that began after its
// supposed child only has the same PID as the real parent.
func (h Holder) isParentOf(c Claim) bool {
	return h.Cgroup == "" && h.PID == c.Parent && h.BootID == c.BootID && h.Start <= c.Start
}

// Result is the result of [Table.Acquire].
type Result int

// The results of [Table.Acquire].
const (
	Busy        Result = iota // another running process leases it
	Acquired                  // the caller got the lease now
	AlreadyHeld               // the caller had the lease before
	Shared                    // the caller is a running direct child of the holder
)

// Acquire leases id to the claimant if id is free or already its own. A running direct child
// of the holder may use the instance without its own lease, if it names the instance (named
// is true). After [Acquired] or [AlreadyHeld], the caller must call [Table.EndRequest] when
// the request has ended.
func (t *Table) Acquire(id token.Instance, c Claim, named bool) (Result, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	// First: the claimant may have the PID of a holder that has ended. The holder's own
	// process is not asked, since the caller verifies it before the answer.
	if e, ok := t.leases[id]; ok && !sameProcess(e.process, c.Process) {
		t.expire(id)
	}
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

// Restore restores a lease from before a restart of the daemon. p is the handle of h, a
// running process. The table closes p.
func (t *Table) Restore(id token.Instance, h Holder, p Process) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.leases[id]; ok {
		_ = p.Close() // another process leased it first
		return
	}
	t.add(id, &entry{Holder: h, process: p, used: true})
}

// record writes a change to the journal, if there is one. The caller holds mu.
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

// ByHolder appends the instances of h to ids, oldest lease first. h is the calling process,
// so it runs.
func (t *Table) ByHolder(h Holder, ids []token.Instance) []token.Instance {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append(ids, t.byHolder[h.key()]...)
}

// Holder returns the running process that leases id.
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

// SetExe notes the program that h runs now, for people. It returns false, and notes nothing,
// if h does not run and lease id any more.
func (t *Table) SetExe(id token.Instance, h Holder, exe string) (held bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(id)
	e, ok := t.leases[id]
	if held = ok && e.Same(h); held {
		e.Exe = exe
	}
	return held
}

// LastHolder returns the process that had the lease of id until it ended. It returns false
// while id is leased, and if the lease ended otherwise. A restart of the daemon forgets it.
func (t *Table) LastHolder(id token.Instance) (Holder, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h, ok := t.ended[id]
	return h, ok
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

// EndRequest ends a request of h under the lease of id. served says that a token was issued.
// If no token was ever issued under the lease, the lease ends with its last request.
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

// All returns every lease of a running process.
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

// Close closes every process handle and the journal. The leases stay in the journal.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id := range t.leases {
		t.remove(id)
	}
	return t.journal.close()
}

// expire ends the lease of id if its process has ended.
func (t *Table) expire(id token.Instance) {
	if e, ok := t.leases[id]; ok && e.process.Alive() != nil {
		t.end(id)
		t.ended[id] = e.Holder
	}
}

// end removes a lease and records that in the journal.
func (t *Table) end(id token.Instance) {
	t.record(Change{Lease: Lease{Instance: id}, Ended: true})
	t.remove(id)
}

func (t *Table) add(id token.Instance, e *entry) {
	if t.leases == nil {
		t.leases, t.byHolder = map[token.Instance]*entry{}, map[holderKey][]token.Instance{}
		t.ended, t.numbers = map[token.Instance]Holder{}, map[application]*numbers{}
	}
	delete(t.ended, id)
	t.leases[id] = e
	t.byHolder[e.key()] = append(t.byHolder[e.key()], id)
	of := application{id.Tenant, id.Application}
	if t.numbers[of] == nil {
		t.numbers[of] = &numbers{}
	}
	t.numbers[of].add(id.Number)
}

func (t *Table) remove(id token.Instance) {
	e := t.leases[id]
	// A failure to close the handle changes nothing for the caller.
	_ = e.process.Close()
	delete(t.leases, id)
	t.numbers[application{id.Tenant, id.Application}].remove(id.Number)
	rest := slices.DeleteFunc(t.byHolder[e.key()], func(one token.Instance) bool { return one == id })
	if len(rest) == 0 {
		delete(t.byHolder, e.key())
		return
	}
	t.byHolder[e.key()] = rest
}

// Process is a handle of one process. While it is open, it never means another process with
// the same PID. The platform provides it. Implementations are safe for concurrent use.
type Process interface {
	// Alive returns an error if the process has exited, reaped or not.
	Alive() error
	// Duplicate returns a second, independent handle of the same process. The caller
	// closes it.
	Duplicate() (Process, error)
	// Close closes this handle.
	Close() error
}

// numbered is a [Process] with a number that no other process of this boot has, or 0.
type numbered interface{ Number() uint64 }

// sameProcess reports whether two handles certainly are of the same process.
func sameProcess(a, b Process) bool {
	x, ok := a.(numbered)
	y, same := b.(numbered)
	return ok && same && x.Number() != 0 && x.Number() == y.Number()
}
