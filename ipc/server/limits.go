package server

import (
	"sync"
	"time"
)

// Limits of connections. An account is a user, or the person whose users several are.
const (
	// MaxPerUser is how many connections an account has at most, if there is room
	// for twice as many: more is a leak or an attack. Each takes about 25 KiB.
	MaxPerUser = 1024
	// maxReserve is how many connections are kept for root, administrators and the
	// daemon's own user: they must be able to look at, and end, what takes the rest.
	maxReserve = 64
	// unknownShares is how many times MaxPerUser all users together have that no
	// database of this device knows: who has many user ids is not many people.
	unknownShares = 4
)

// Limits of calls of one account. Hand-outs are never counted, and never refused
// by them.
const (
	burst     = 100 // other calls at once, and as many refusals of tokens
	perSecond = 20  // of each, for ever

	// A reply is paid for by its length, since that is what it costs to make and to
	// copy: 1.25 MiB a second for ever. Short ones are in the price of the call.
	replyUnit  = 64 << 10 // bytes that count as a call
	maxPending = 8 << 20  // bytes of replies that are not taken in, unless it is one

	maxTarpit = time.Second // for an answer that nobody may hurry
	maxIdle   = 1024        // users that are remembered without a connection
)

// Account is whose connections and calls are counted together.
type Account struct {
	Name    string // of one user, or of the person to whom several users belong
	Unknown bool   // no database of this device knows the user
	// Privileged reports whether the account may use what is reserved. It is asked
	// when there is no room else; nil is no.
	Privileged func() bool
}

// users keeps account of what each user takes up. It is safe for concurrent
// use.
type users struct {
	now                             func() time.Time
	perUser, unknown, common, total int // connections at a time: of one account, of all unknown, of all, with the reserve

	mu          sync.Mutex
	by          map[string]*usage
	open        int
	openUnknown int
	sweep       int // accounts at which the idle ones are forgotten
}

// usage is what one user takes up: connections, and credit. Refusals of tokens have
// a credit of their own: when every request for a token is refused, people ask
// doctor and status why.
type usage struct {
	open            int
	pending         int // bytes of replies that are being written
	calls, refusals credit
}

// credit is how many calls are left; less than none after a long reply.
type credit struct {
	left float64
	at   time.Time // of left
}

func newUsers(now func() time.Time, total int) *users {
	return &users{
		now: now, perUser: min(MaxPerUser, total/2), unknown: min(unknownShares*MaxPerUser, total/2),
		common: total - min(maxReserve, total/8), total: total, sweep: maxIdle, by: map[string]*usage{},
	}
}

// connect takes a connection into the account, and reports whether it may stay.
func (us *users) connect(a Account) bool {
	if us.take(a, false) {
		return true
	}
	return a.Privileged != nil && a.Privileged() && us.take(a, true)
}

func (us *users) take(a Account, privileged bool) bool {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.user(a.Name)
	if u.open >= us.perUser || us.open >= us.total || !privileged && u.open >= us.room(a) {
		return false
	}
	u.open++
	us.open++
	if a.Unknown {
		us.openUnknown++
	}
	return true
}

// room is how many connections an account may have now: no more than are left for
// others, and of an unknown user an eighth of what is left for all unknown. So the
// 32 users of one person leave something to the next unknown one.
func (us *users) room(a Account) int {
	left := us.common - us.open
	if a.Unknown {
		left = min(left, (us.unknown-us.openUnknown+7)/8)
	}
	return left
}

// disconnect takes it out again.
func (us *users) disconnect(a Account) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.user(a.Name).open--
	us.open--
	if a.Unknown {
		us.openUnknown--
	}
}

// spend takes one call from the user's credit, and returns 0; or how long it
// will be until there is credit again.
func (us *users) spend(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.user(account).calls.spend(us.now())
}

// spendRefusal is spend for a refusal of a token.
func (us *users) spendRefusal(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.user(account).refusals.spend(us.now())
}

// lend takes a reply of so many bytes into the account, to be given back once it is
// written, and returns 0; or how long it will be until it may be had. One that must
// be is never refused.
func (us *users) lend(account string, bytes int, must bool) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.user(account)
	u.calls.earn(us.now())
	if !must && u.calls.left < 0 {
		return u.calls.debt()
	}
	if !must && u.pending > 0 && u.pending+bytes > maxPending {
		return time.Second
	}
	u.pending += bytes
	u.calls.left -= float64(bytes) / replyUnit
	return 0
}

// giveBack is called when a reply was written, or nobody takes it in.
func (us *users) giveBack(account string, bytes int) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.user(account).pending -= bytes
}

// owes returns how long it will be until the account is out of debt.
func (us *users) owes(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.user(account)
	u.calls.earn(us.now())
	return max(0, u.calls.debt())
}

// spend takes one call, and returns 0; or how long it will be until there is one.
func (c *credit) spend(now time.Time) time.Duration {
	c.earn(now)
	if c.left < 1 {
		return time.Duration((1 - c.left) / perSecond * float64(time.Second))
	}
	c.left--
	return 0
}

func (c *credit) debt() time.Duration {
	return time.Duration(-c.left / perSecond * float64(time.Second))
}

func (c *credit) earn(now time.Time) {
	c.left = min(burst, c.left+max(0, now.Sub(c.at).Seconds())*perSecond)
	c.at = now
}

// idle reports whether there is nothing to remember.
func (u *usage) idle(now time.Time) bool {
	u.calls.earn(now)
	u.refusals.earn(now)
	return u.open == 0 && u.calls.left == burst && u.refusals.left == burst
}

// user returns the account of a user. One that is idle and has all its credit
// is nothing to remember; they are looked for when there are twice as many.
func (us *users) user(account string) *usage {
	if u, ok := us.by[account]; ok {
		return u
	}
	if now := us.now(); len(us.by) >= us.sweep {
		for id, u := range us.by {
			if u.idle(now) {
				delete(us.by, id)
			}
		}
		us.sweep = max(maxIdle, 2*len(us.by))
	}
	whole := credit{burst, us.now()}
	u := &usage{calls: whole, refusals: whole}
	us.by[account] = u
	return u
}
