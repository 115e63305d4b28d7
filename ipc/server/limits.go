package server

import (
	"sync"
	"time"
)

// Limits of connections. An account is a user, or a person with several users.
const (
	// MaxPerUser is the largest number of connections of an account, if there is room for
	// twice as many. More is a leak or an attack. Each takes about 25 KiB.
	MaxPerUser = 1024
	// maxReserved is the number of connections reserved for root, administrators and the
	// daemon's user. They must be able to find and stop a client that takes the others.
	maxReserved = 64
	// unknownUsersFactor times MaxPerUser is the limit of all users together that no
	// database of this device knows. One person may have many such user IDs.
	unknownUsersFactor = 4
)

// MaxConnections returns the largest number of open connections for a limit of
// descriptors. Each connection takes two. 64 descriptors stay for the state, the logs and
// the service.
func MaxConnections(descriptors uint64) int {
	const reserved, most = 64, 1 << 20
	return max(8, (int(min(descriptors, most))-reserved)/2)
}

// UnlimitedConnections is the largest number of open connections on a system without a
// limit of descriptors.
const UnlimitedConnections = 16 * MaxPerUser

// Limits of calls of one account. They do not count or refuse issued tokens.
const (
	maxBurst       = 100 // calls at once, and as many refusals of tokens
	callsPerSecond = 20  // of each, permanently

	// A reply costs by its length, since making and copying it does: permanently 1.25 MiB a
	// second. Short replies are free.
	replyBytesPerCall    = 64 << 10 // bytes that count as a call
	maxPendingReplyBytes = 8 << 20  // bytes of unread replies; a single reply may be longer

	throttleDelay   = time.Second // before a throttled answer
	maxIdleAccounts = 1024        // remembered users without a connection
)

// Account is a set of users with shared limits.
type Account struct {
	Name    string // of one user, or of a person with several users
	Unknown bool   // no database of this device knows the user
	// Privileged reports whether the account may use reserved connections. It is called
	// only if no other is free; nil means no.
	Privileged func() bool
}

// accounts counts the connections and calls of each account. It is safe for concurrent
// use.
type accounts struct {
	now                                func() time.Time
	perAccount, unknown, common, total int // open connections: of one account, of all unknown, of all, and with the reserve

	mu          sync.Mutex
	byName      map[string]*usage
	open        int
	openUnknown int
	sweepAt     int // number of accounts at which the idle ones are deleted
}

// usage is the usage of one account: connections and credit. Refusals of tokens have their
// own credit. After refusals people call doctor and status, which must still work.
type usage struct {
	open            int
	pending         int // bytes of unfinished replies
	calls, refusals credit
}

// credit is the number of remaining calls; negative after a long reply.
type credit struct {
	left float64
	at   time.Time // time of left
}

func newAccounts(now func() time.Time, total int) *accounts {
	return &accounts{
		now: now, perAccount: min(MaxPerUser, total/2), unknown: min(unknownUsersFactor*MaxPerUser, total/2),
		common: total - min(maxReserved, total/8), total: total, sweepAt: maxIdleAccounts, byName: map[string]*usage{},
	}
}

// connect counts a connection for the account, and reports whether it is allowed.
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

// connectionLimit returns the limit of an account now: at most as many connections as are
// free. An unknown user gets an eighth of the free ones of all unknown users. So 32 users
// of one person leave some to the next unknown one.
func (us *accounts) connectionLimit(a Account) int {
	left := us.common - us.open
	if a.Unknown {
		left = min(left, (us.unknown-us.openUnknown+7)/8)
	}
	return left
}

// disconnect counts a closed connection.
func (us *accounts) disconnect(a Account) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.usageOf(a.Name).open--
	us.open--
	if a.Unknown {
		us.openUnknown--
	}
}

// takeCall takes one call from the account's credit. It returns 0, or the time until there
// is credit again.
func (us *accounts) takeCall(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.usageOf(account).calls.take(us.now())
}

// takeRefusal is takeCall for a refusal of a token.
func (us *accounts) takeRefusal(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.usageOf(account).refusals.take(us.now())
}

// reserveReply charges a reply of so many bytes to the account, until releaseReply. It
// returns 0, or the time until the reply is allowed. With must it never refuses.
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

// releaseReply ends a reservation, when the reply was written or its client is gone.
func (us *accounts) releaseReply(account string, bytes int) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.usageOf(account).pending -= bytes
}

// retryDelay returns the time until the credit of the account is not negative.
func (us *accounts) retryDelay(account string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.usageOf(account)
	u.calls.refill(us.now())
	return max(0, u.calls.delay())
}

// take takes one call. It returns 0, or the time until there is one.
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

// isIdle reports whether the usage is that of a new account.
func (u *usage) isIdle(now time.Time) bool {
	u.calls.refill(now)
	u.refusals.refill(now)
	return u.open == 0 && u.calls.left == maxBurst && u.refusals.left == maxBurst
}

// usageOf returns the usage of an account. It deletes idle accounts when their number has
// doubled.
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
