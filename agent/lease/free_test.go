package lease

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"regent/agent/token"
)

// TestFree compares the bits with a set.
func TestFree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var s numbers
		set := map[int]bool{}
		for range rapid.IntRange(0, 60).Draw(r, "changes") {
			n := rapid.IntRange(1, 200).Draw(r, "number")
			if set[n] {
				s.remove(n)
			} else {
				s.add(n)
			}
			set[n] = !set[n]
		}
		from := rapid.IntRange(1, 260).Draw(r, "from")
		free, leased := from, from
		for set[free] {
			free++
		}
		for leased < 300 && !set[leased] {
			leased++
		}
		if leased == 300 {
			leased = -1
		}
		if got := s.free(from); got != free {
			r.Errorf("free(%d) = %d, want %d", from, got, free)
		}
		if got := s.leased(from); got != leased {
			r.Errorf("leased(%d) = %d, want %d", from, got, leased)
		}
	})
}

// TestExpireByParts: each call checks a few leases, and all of them after enough calls.
func TestExpireByParts(t *testing.T) {
	var tab Table
	const leases, part = 100, 7
	for n := 1; n <= leases; n++ {
		dead := n%2 == 0
		if _, err := tab.Acquire(token.Instance{Tenant: "t", Application: "cad", Number: n}, Claim{Holder: Holder{PID: n}, Process: &mortal{dead: &dead}}, false); err != nil {
			t.Fatal(err)
		}
	}
	for i := range leases/part + 1 {
		tab.Expire("t", "cad", part)
		if want := min(part*(i+1), leases) / 2; len(tab.leases) != leases-want {
			t.Errorf("after %d calls %d leases are left, want %d", i+1, len(tab.leases), leases-want)
		}
	}
	if n := tab.Free("t", "cad", 3); n != 4 {
		t.Errorf("Free(3) = %d, want 4", n)
	}
	tab.Expire("t", "cad", 10*leases)
	if len(tab.leases) != leases/2 {
		t.Errorf("%d leases are left, want %d", len(tab.leases), leases/2)
	}
}

// mortal is a process that can be leased although it is dead.
type mortal struct{ dead *bool }

func (p *mortal) Alive() error {
	if *p.dead {
		return errors.New("gone")
	}
	return nil
}
func (p *mortal) Duplicate() (Process, error) { return p, nil }
func (p *mortal) Close() error                { return nil }
