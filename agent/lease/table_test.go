package lease_test

import (
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/lease"
	"regent/agent/token"
)

// process is a process of the test: whether it lives, and how many holds of it
// there are. It is safe for concurrent use.
type process struct {
	lease.Holder
	parent int

	mu      sync.Mutex
	dead    bool
	refuses error // what Hold returns
	holds   int   // open ones
	twice   int   // holds that were closed more than once
}

func newProcess(pid int, parent int) *process {
	return &process{Holder: lease.Holder{PID: pid, Start: uint64(pid) * 10, BootID: "boot-1", User: "alice", Exe: "/opt/cad"}, parent: parent}
}

func (p *process) claim() lease.Claim {
	return lease.Claim{Holder: p.Holder, Parent: p.parent, Process: &processHandle{of: p}}
}

func (p *process) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dead = true
}

func (p *process) open() (holds, twice int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.holds, p.twice
}

// processHandle is one hold of a process. The claim's own is not counted: the table
// must not close it.
type processHandle struct {
	of      *process
	counted bool
	closed  bool
}

var _ lease.Process = (*processHandle)(nil)

var errEnded = errors.New("the process has ended")

func (h *processHandle) Alive() error {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.of.dead {
		return errEnded
	}
	return nil
}

func (h *processHandle) Duplicate() (lease.Process, error) {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.of.refuses != nil {
		return nil, h.of.refuses
	}
	h.of.holds++
	return &processHandle{of: h.of, counted: true}, nil
}

func (h *processHandle) Close() error {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	if h.closed || !h.counted {
		h.of.twice++
	}
	h.closed = true
	h.of.holds--
	return errors.New("closing fails, and that changes nothing")
}

func cad(n int) token.Instance {
	return token.Instance{Tenant: "demo-host.com", Application: "cad", Number: n}
}

func wantAcquire(t *testing.T, table *lease.Table, id token.Instance, p *process, named bool, want lease.Result) {
	t.Helper()
	got, err := table.Acquire(id, p.claim(), named)
	if err != nil || got != want {
		t.Errorf("Take %s by process %d: got %d, %v, want %d", id, p.PID, got, err, want)
	}
}

// wantHandles says how many holds the table has of a process, each closed at most once.
func wantHandles(t *testing.T, p *process, want int) {
	t.Helper()
	if got, twice := p.open(); got != want || twice != 0 {
		t.Errorf("process %d: got %d holds, %d closed that were not open, want %d and 0", p.PID, got, twice, want)
	}
}

func TestAcquire(t *testing.T) {
	holder := newProcess(100, 1)
	tests := []struct {
		name  string
		by    *process
		named bool
		want  lease.Result
	}{
		{"the holder again", holder, false, lease.AlreadyHeld},
		{"the holder again, by name", holder, true, lease.AlreadyHeld},
		{"a stranger", newProcess(200, 1), false, lease.Busy},
		{"a stranger, by name", newProcess(200, 1), true, lease.Busy},
		{"a child that names it", newProcess(300, 100), true, lease.Shared},
		{"a child that names none", newProcess(300, 100), false, lease.Busy},
		{"a grandchild", newProcess(400, 300), true, lease.Busy},
		{"the same PID, started later", &process{Holder: lease.Holder{PID: 100, Start: 1001, BootID: "boot-1"}}, true, lease.Busy},
		{"the same PID of another boot", &process{Holder: lease.Holder{PID: 100, Start: 1000, BootID: "boot-2"}}, true, lease.Busy},
		{"a child of that PID in another boot", &process{Holder: lease.Holder{PID: 300, BootID: "boot-2"}, parent: 100}, true, lease.Busy},
		{"the holder under another name", &process{Holder: lease.Holder{PID: 100, Start: 1000, BootID: "boot-1", User: "bob", Exe: "/bin/sh"}}, true, lease.AlreadyHeld},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			holder := newProcess(100, 1)
			var table lease.Table
			wantAcquire(t, &table, cad(1), holder, false, lease.Acquired)
			wantAcquire(t, &table, cad(1), tt.by, tt.named, tt.want)
			if got, ok := table.Holder(cad(1)); !ok || got != holder.Holder {
				t.Errorf("Holder: got %v, %t, want the first one", got, ok)
			}
			wantHandles(t, holder, 1)
			if tt.by.PID != holder.PID {
				wantHandles(t, tt.by, 0)
			}
		})
	}
}

// TestLeaseEndsWithItsProcess, whoever asks first after that.
func TestLeaseEndsWithItsProcess(t *testing.T) {
	tests := []struct {
		name string
		ask  func(*testing.T, *lease.Table, lease.Holder)
	}{
		{"a stranger takes it", func(t *testing.T, table *lease.Table, _ lease.Holder) {
			wantAcquire(t, table, cad(1), newProcess(200, 1), false, lease.Acquired)
		}},
		{"its child takes it", func(t *testing.T, table *lease.Table, _ lease.Holder) {
			wantAcquire(t, table, cad(1), newProcess(300, 100), true, lease.Acquired)
		}},
		{"Holder", func(t *testing.T, table *lease.Table, _ lease.Holder) {
			if h, ok := table.Holder(cad(1)); ok {
				t.Errorf("got %v, want none", h)
			}
		}},
		{"All", func(t *testing.T, table *lease.Table, _ lease.Holder) {
			if got := table.All(); len(got) != 0 {
				t.Errorf("got %v, want none", got)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var table lease.Table
			p := newProcess(100, 1)
			wantAcquire(t, &table, cad(1), p, false, lease.Acquired)
			p.end()
			tt.ask(t, &table, p.Holder)
			wantHandles(t, p, 0)
		})
	}
}

func TestAcquireOfEndedProcess(t *testing.T) {
	var table lease.Table
	p := newProcess(100, 1)
	p.refuses = errEnded
	got, err := table.Acquire(cad(1), p.claim(), false)
	if got != lease.Busy || !errors.Is(err, errEnded) {
		t.Errorf("got %d, %v, want %d, %v", got, err, lease.Busy, errEnded)
	}
	if h, ok := table.Holder(cad(1)); ok {
		t.Errorf("a lease was left behind: %v", h)
	}
	wantAcquire(t, &table, cad(1), newProcess(200, 1), false, lease.Acquired)
	wantHandles(t, p, 0)
}

func TestRelease(t *testing.T) {
	var table lease.Table
	p, other := newProcess(100, 1), newProcess(200, 1)
	if table.Release(cad(1), p.Holder) {
		t.Error("a lease that nobody has was released")
	}
	wantAcquire(t, &table, cad(1), p, false, lease.Acquired)
	if table.Release(cad(1), other.Holder) || table.Release(cad(2), p.Holder) {
		t.Error("a lease was released by who does not have it")
	}
	if !table.Release(cad(1), p.Holder) || table.Release(cad(1), p.Holder) {
		t.Error("want the holder's release to work, once")
	}
	wantHandles(t, p, 0)
	wantAcquire(t, &table, cad(1), other, false, lease.Acquired)
}

func TestHolderAndByHolder(t *testing.T) {
	var table lease.Table
	p, other := newProcess(100, 1), newProcess(200, 1)
	wantAcquire(t, &table, cad(1), p, false, lease.Acquired)
	wantAcquire(t, &table, cad(2), other, false, lease.Acquired)
	wantAcquire(t, &table, cad(3), p, true, lease.Acquired)
	if diff := cmp.Diff(table.ByHolder(p.Holder, nil), []token.Instance{cad(1), cad(3)}); diff != "" {
		t.Errorf("Of, in the order of taking: got -, want +:\n%s", diff)
	}
	want := map[token.Instance]lease.Holder{cad(1): p.Holder, cad(2): other.Holder, cad(3): p.Holder}
	if diff := cmp.Diff(table.All(), want); diff != "" {
		t.Errorf("All: got -, want +:\n%s", diff)
	}
	if err := table.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantHandles(t, p, 0)
	wantHandles(t, other, 0)
	if got := slices.Collect(maps.Keys(table.All())); len(got) != 0 {
		t.Errorf("after Close: got %v, want none", got)
	}
}

// TestRace: of many processes that want one instance at once, one gets it.
func TestRace(t *testing.T) {
	var table lease.Table
	var all sync.WaitGroup
	taken := make(chan *process, 50)
	for i := range cap(taken) {
		all.Go(func() {
			p := newProcess(100+i, 1)
			if got, err := table.Acquire(cad(1), p.claim(), i%2 == 0); err != nil {
				t.Error(err)
			} else if got == lease.Acquired {
				taken <- p
			}
		})
	}
	all.Wait()
	if got := len(taken); got != 1 {
		t.Fatalf("%d processes got the instance, want 1", got)
	}
	wantHandles(t, <-taken, 1)
}

// A lease under which nothing was handed out ends with the last request under
// way, not with the first that fails; one that was used stays.
func TestEndRequest(t *testing.T) {
	p := newProcess(100, 1)
	tests := []struct {
		name string
		done []bool // the requests that end, of two, and whether they were served
		want bool   // is it leased after that
	}{
		{"none has ended", nil, true},
		{"one failed", []bool{false}, true},
		{"both failed", []bool{false, false}, false},
		{"one was served", []bool{true}, true},
		{"one failed, then one was served", []bool{false, true}, true},
		{"one was served, then one failed", []bool{true, false}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var table lease.Table
			wantAcquire(t, &table, cad(1), p, false, lease.Acquired)
			wantAcquire(t, &table, cad(1), p, false, lease.AlreadyHeld)
			table.EndRequest(cad(2), p.Holder, true)                   // not its lease
			table.EndRequest(cad(1), newProcess(200, 1).Holder, false) // not its holder
			for _, served := range tt.done {
				table.EndRequest(cad(1), p.Holder, served)
			}
			if _, got := table.Holder(cad(1)); got != tt.want {
				t.Errorf("leased: %t, want %t", got, tt.want)
			}
		})
	}
}

func TestRestore(t *testing.T) {
	var table lease.Table
	p, q := newProcess(100, 1), newProcess(200, 1)
	held, err := p.claim().Process.Duplicate()
	if err != nil {
		t.Fatal(err)
	}
	table.Restore(cad(1), p.Holder, held)
	wantAcquire(t, &table, cad(1), q, false, lease.Busy)
	wantAcquire(t, &table, cad(1), p, false, lease.AlreadyHeld)
	p.end()
	wantAcquire(t, &table, cad(1), q, false, lease.Acquired)
	wantHandles(t, p, 0)
}

// A child whose parent has ended is nobody's child, even if another process has
// the parent's PID now.
func TestChildOfReusedPID(t *testing.T) {
	var table lease.Table
	mother, child := newProcess(100, 1), newProcess(200, 100)
	wantAcquire(t, &table, cad(1), mother, false, lease.Acquired)
	wantAcquire(t, &table, cad(1), child, true, lease.Shared)
	mother.end()
	stranger := newProcess(100, 1)
	stranger.Start = child.Start + 1
	wantAcquire(t, &table, cad(1), stranger, false, lease.Acquired)
	wantAcquire(t, &table, cad(1), child, true, lease.Busy)
}

// A unit is nobody's parent: processes whose parent cannot be seen have the
// parent 0, as a unit has.
func TestUnitHasNoChildren(t *testing.T) {
	var table lease.Table
	unit, orphan := newProcess(0, 0), newProcess(400, 0)
	unit.Cgroup = "/system.slice/cad.service"
	wantAcquire(t, &table, cad(1), unit, false, lease.Acquired)
	wantAcquire(t, &table, cad(1), orphan, true, lease.Busy)
	other := newProcess(0, 0)
	other.Cgroup = "/system.slice/other.service"
	wantAcquire(t, &table, cad(1), other, false, lease.Busy)
	wantAcquire(t, &table, cad(1), unit, true, lease.AlreadyHeld)
}

// A PID may come again within one tick of the clock that start times are in.
// The lease of the one that has ended does not become the other's: nobody would
// notice when that ends, or worse, it would be taken for ended while it lives.
func TestReusedPID(t *testing.T) {
	var table lease.Table
	first, second := newProcess(100, 1), newProcess(100, 1)
	wantAcquire(t, &table, cad(1), first, false, lease.Acquired)
	first.end()
	wantAcquire(t, &table, cad(1), second, false, lease.Acquired)
	wantAcquire(t, &table, cad(1), newProcess(300, 1), false, lease.Busy)
	wantHandles(t, first, 0)
	wantHandles(t, second, 1)
}

// The last holder is known if its process ended, until the next lease.
func TestLastHolder(t *testing.T) {
	var table lease.Table
	first, second := newProcess(100, 1), newProcess(200, 1)
	last := func() (pid int) {
		if _, leased := table.Holder(cad(1)); leased {
			return -1
		}
		h, _ := table.LastHolder(cad(1))
		return h.PID
	}
	wantAcquire(t, &table, cad(1), first, false, lease.Acquired)
	if got := last(); got != -1 {
		t.Errorf("while it runs: %d", got)
	}
	first.end()
	if got := last(); got != 100 {
		t.Errorf("after its end: %d, want 100", got)
	}
	wantAcquire(t, &table, cad(1), second, false, lease.Acquired)
	table.Release(cad(1), second.Holder)
	if got := last(); got != 0 {
		t.Errorf("after a release: %d, want none", got)
	}
}

// numberedHandle is a handle with the kernel's number of its process.
type numberedHandle struct {
	*processHandle
	number uint64
}

func (h numberedHandle) Number() uint64 { return h.number }

func (h numberedHandle) Duplicate() (lease.Process, error) {
	d, err := h.processHandle.Duplicate()
	if err != nil {
		return nil, err
	}
	return numberedHandle{d.(*processHandle), h.number}, nil
}

// A holder that asks again is not asked whether it runs: its own number says that it is the
// holder. A process with its PID and another number, or none, is not the holder.
func TestAcquireComparesNumbers(t *testing.T) {
	for _, tt := range []struct {
		name         string
		first, again uint64
		want         lease.Result
	}{
		{"the same", 7, 7, lease.AlreadyHeld},
		{"another process with its PID", 7, 8, lease.Acquired},
		{"a kernel without numbers", 0, 0, lease.Acquired},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var table lease.Table
			p := newProcess(100, 1)
			id := token.Instance{Tenant: "t", Application: "cad", Number: 1}
			claim := p.claim()
			claim.Process = numberedHandle{&processHandle{of: p}, tt.first}
			if got, err := table.Acquire(id, claim, false); err != nil || got != lease.Acquired {
				t.Fatal(got, err)
			}
			table.EndRequest(id, claim.Holder, true)
			p.end()
			second := newProcess(100, 1)
			claim.Process = numberedHandle{&processHandle{of: second}, tt.again}
			if got, err := table.Acquire(id, claim, false); err != nil || got != tt.want {
				t.Errorf("Acquire = %v, %v; want %v", got, err, tt.want)
			}
			if err := table.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
