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
	// maxReserved is how many connections are kept for root, administrators and the
	// daemon's own user: they must be able to look at, and end, what takes the rest.
	maxReserved = 64
	// unknownUsersFactor is how many times MaxPerUser all users together have that no
	// database of this device knows: who has many user ids is not many people.
	unknownUsersFactor = 4
)

// MaxConnections returns how many connections a process may have at a time that may
// have so many descriptors. Each connection takes two. 64 are left for the state, the
// logs and the service.
func MaxConnections(descriptors uint64) int {
	const reserved, most = 64, 1 << 20
	return max(8, (int(min(descriptors, most))-reserved)/2)
}

// UnlimitedConnections is how many connections a process has at a time on a system
// without a limit of descriptors.
const UnlimitedConnections = 16 * MaxPerUser

// Limits of calls of one account. Hand-outs are never counted, and never refused
// by them.
const (
	maxBurst       = 100 // other calls at once, and as many refusals of tokens
	callsPerSecond = 20  // of each, for ever

	// A reply is paid for by its length, since that is what it costs to make and to
	// copy: 1.25 MiB a second for ever. Short ones are in the price of the call.
	replyBytesPerCall    = 64 << 10 // bytes that count as a call
	maxPendingReplyBytes = 8 << 20  // bytes of replies that are not taken in, unless it is one

	throttleDelay   = time.Second // for an answer that nobody may hurry
	maxIdleAccounts = 1024        // users that are remembered without a connection
)

// Account is whose connections and calls are counted together.
type Account struct {
	Name    string // of one user, or of the person to whom several users belong
	Unknown bool   // no database of this device knows the user
	// Privileged reports whether the account may use what is reserved. It is asked
	// when there is no room else; nil is no.
	Privileged func() bool
}

// accounts keeps account of what each user takes up. It is safe for concurrent
// use.
type accounts struct {
	now                                func() time.Time
	perAccount, unknown, common, total int // connections at a time: of one account, of all unknown, of all, with the reserve

	mu          sync.Mutex
	byName      map[string]*usage
	open        int
	openUnknown int
	sweepAt     int // accounts at which the idle ones are forgotten
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

func newAccounts(now func() time.Time, total int) *accounts {
	return &accounts{
		now: now, perAccount: min(MaxPerUser, total/2), unknown: min(unknownUsersFactor*MaxPerUser, total/2),
		common: total - min(maxReserved, total/8), total: total, sweepAt: maxIdleAccounts, byName: map[string]*usage{},
	}
}

// connect takes a connection into the account, and reports whether it may stay.
func (us *accounts) connect(a Account) bool {
	if us.admit(a, false) {
		return true
	}
	return a.Privileged != nil && a.Privileged() && us.admit(a, true)
}

func (us *accounts) admit(a Account, privileged bool) bool {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.usageOf(a.Name)
	if u.open >= us.perAccount || us.open >= us.total || !privileged && u.open >= us.connectionLimit(a) {
		return false
	}
	u.open++
	us.open++
	if a.Unknown {
		us.openUnknown++
	}
	return true
}

// connectionLimit is how many connections an account may have now: no more than are left for
// others, and of an unknown user an eighth of what is left for all unknown. So the
// 32 users of one person leave something to the next unknown one.
func (us *accounts) connectionLimit(a Account) int {
	left := us.common - us.open
	if a.Unknown {
		left = min(left, (us.unknown-us.openUnknown+7)/8)
	}
	return left
}

// disconnect takes it out again.
func (us *accounts) disconnect(a Account) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.usageOf(a.Name).open--
	us.open--
	if a.Unknown {
		us.openUnknown--
	}
}

// takeCall takes one call from the user's credit, and returns 0; or how long it
// will be until there is credit again.
func (us *accounts) takeCall(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.usageOf(account).calls.take(us.now())
}

// takeRefusal is spend for a refusal of a token.
func (us *accounts) takeRefusal(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.usageOf(account).refusals.take(us.now())
}

// reserveReply takes a reply of so many bytes into the account, to be given back once it is
// written, and returns 0; or how long it will be until it may be had. One that must
// be is never refused.
func (us *accounts) reserveReply(account string, bytes int, must bool) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.usageOf(account)
	u.calls.refill(us.now())
	if !must && u.calls.left < 0 {
		return u.calls.delay()
	}
	if !must && u.pending > 0 && u.pending+bytes > maxPendingReplyBytes {
		return time.Second
	}
	u.pending += bytes
	u.calls.left -= float64(bytes) / replyBytesPerCall
	return 0
}

// releaseReply is called when a reply was written, or nobody takes it in.
func (us *accounts) releaseReply(account string, bytes int) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.usageOf(account).pending -= bytes
}

// retryDelay returns how long it will be until the account is out of debt.
func (us *accounts) retryDelay(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.usageOf(account)
	u.calls.refill(us.now())
	return max(0, u.calls.delay())
}

// take takes one call, and returns 0; or how long it will be until there is one.
func (c *credit) take(now time.Time) time.Duration {
	c.refill(now)
	if c.left < 1 {
		return time.Duration((1 - c.left) / callsPerSecond * float64(time.Second))
	}
	c.left--
	return 0
}

func (c *credit) delay() time.Duration {
	return time.Duration(-c.left / callsPerSecond * float64(time.Second))
}

func (c *credit) refill(now time.Time) {
	c.left = min(maxBurst, c.left+max(0, now.Sub(c.at).Seconds())*callsPerSecond)
	c.at = now
}

// isIdle reports whether there is nothing to remember.
func (u *usage) isIdle(now time.Time) bool {
	u.calls.refill(now)
	u.refusals.refill(now)
	return u.open == 0 && u.calls.left == maxBurst && u.refusals.left == maxBurst
}

// usageOf returns the account of a user. One that is idle and has all its credit
// is nothing to remember; they are looked for when there are twice as many.
func (us *accounts) usageOf(account string) *usage {
	if u, ok := us.byName[account]; ok {
		return u
	}
	if now := us.now(); len(us.byName) >= us.sweepAt {
		for id, u := range us.byName {
			if u.isIdle(now) {
				delete(us.byName, id)
			}
		}
		us.sweepAt = max(maxIdleAccounts, 2*len(us.byName))
	}
	whole := credit{maxBurst, us.now()}
	u := &usage{calls: whole, refusals: whole}
	us.byName[account] = u
	return u
}
