package lease

import (
	"math/bits"

	"regent/agent/token"
)

// application names the instances of an application at one tenant.
type application struct{ tenant, id string }

// numbers are the leased numbers of an application, one bit each. So a free instance is
// found without a look at each lease.
type numbers struct {
	words []uint64
	next  int // the number at which the next check of processes begins
}

func (s *numbers) add(n int) {
	for n/64 >= len(s.words) {
		s.words = append(s.words, 0)
	}
	s.words[n/64] |= 1 << (n % 64)
}

func (s *numbers) remove(n int) { s.words[n/64] &^= 1 << (n % 64) }

// leased returns the first leased number from n on; -1 if there is none.
func (s *numbers) leased(n int) int {
	for i := n / 64; i < len(s.words); i++ {
		word := s.words[i]
		if i == n/64 {
			word &= ^uint64(0) << (n % 64)
		}
		if word != 0 {
			return i*64 + bits.TrailingZeros64(word)
		}
	}
	return -1
}

// free returns the first number from n on that is not leased.
func (s *numbers) free(n int) int {
	for ; n/64 < len(s.words); n = n/64*64 + 64 {
		if word := ^s.words[n/64] & (^uint64(0) << (n % 64)); word != 0 {
			return n/64*64 + bits.TrailingZeros64(word)
		}
	}
	return n
}

// Free returns the lowest number from n on that is not leased. It checks no process: call
// [Table.Expire] before.
func (t *Table) Free(tenant, id string, n int) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.numbers[application{tenant, id}]; s != nil {
		return s.free(n)
	}
	return n
}

// Expire ends the leases of an application with an ended process. It checks at most as many
// leases as given, and the others at the next calls.
func (t *Table) Expire(tenant, id string, most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.numbers[application{tenant, id}]
	if s == nil {
		return
	}
	begin, wrapped := s.next, false
	for range most {
		n := s.leased(s.next)
		if n < 0 && !wrapped {
			wrapped, s.next = true, 0
			n = s.leased(0)
		}
		if n < 0 || wrapped && n >= begin {
			return // each was checked
		}
		t.expire(token.Instance{Tenant: tenant, Application: id, Number: n})
		s.next = n + 1
	}
}
