package server

import (
	"fmt"
	"testing"
	"time"
)

// connectUsers has so many users connect, one after the other, until each was refused.
func connectUsers(us *accounts, n int, unknown bool) (open int) {
	for i := range n {
		for us.connect(Account{Name: fmt.Sprint("flood", unknown, i), Unknown: unknown}) {
			open++
		}
	}
	return open
}

// Whoever connects, and as how many users, others still do: root always, a user
// that the device knows always, and another unknown one beside 32 of them.
func TestManyUsers(t *testing.T) {
	privileged := func() bool { return true }
	for _, total := range []int{8, 64, 2016, 32736} {
		for _, n := range []int{1, 2, 3, 32, 1000, 70_000} {
			us := newAccounts(time.Now, total)
			open := connectUsers(us, n, true)
			if open == 0 || open > total/2 || open > unknownUsersFactor*MaxPerUser {
				t.Errorf("%d unknown users of %d connections got %d", n, total, open)
			}
			if n <= 32 && total > 64 && !us.connect(Account{Name: "a newcomer", Unknown: true}) {
				t.Errorf("%d connections, %d unknown users: another unknown one is refused", total, n)
			}
			for i := range min(4, us.unknown/2) {
				if !us.connect(Account{Name: "alice"}) {
					t.Errorf("%d connections, %d unknown users: connection %d of a known user is refused", total, n, i+1)
				}
			}
		}
		for _, n := range []int{1, 2, 32, 1000} {
			us := newAccounts(time.Now, total)
			open := connectUsers(us, n, false)
			if us.connect(Account{Name: "flood", Privileged: func() bool { return false }}) && n > us.common {
				t.Errorf("%d connections, %d known users: one more, beyond what is for all", total, n)
			}
			for i := range total - us.common {
				if !us.connect(Account{Name: "0", Privileged: privileged}) {
					t.Errorf("%d connections, %d known users with %d: root's connection %d is refused", total, n, open, i+1)
				}
			}
		}
	}
}

// What was taken is given back to where it was taken from.
func TestDisconnectFreesRoom(t *testing.T) {
	us := newAccounts(time.Now, 64)
	accounts := []Account{{Name: "known"}, {Name: "unknown", Unknown: true}, {Name: "0", Privileged: func() bool { return true }}}
	for range 3 {
		var held []Account
		for _, a := range accounts {
			for us.connect(a) {
				held = append(held, a)
			}
		}
		for _, a := range held {
			us.disconnect(a)
		}
		if us.open != 0 || us.openUnknown != 0 || len(held) < 60 {
			t.Errorf("of %d connections %d are left, %d of unknown users", len(held), us.open, us.openUnknown)
		}
	}
}
