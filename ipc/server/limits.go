package server

import (
	"sync"
	"time"
)

// Limits of one user. Hand-outs are never counted, and never refused by them.
const (
	burst     = 100 // other calls, and refusals of tokens, at once
	perSecond = 20  // and for ever

	maxTarpit = time.Second // for an answer that nobody may hurry
	maxIdle   = 1024        // users that are remembered without a connection
)

// users keeps account of what each user takes up. It is safe for concurrent
// use.
type users struct {
	now            func() time.Time
	perUser, total int // connections at a time

	mu   sync.Mutex
	by   map[string]*usage
	open int
}

// usage is what one user takes up: connections, and credit for calls.
type usage struct {
	open   int
	credit float64
	at     time.Time // of credit
}

func newUsers(now func() time.Time, perUser, total int) *users {
	return &users{now: now, perUser: perUser, total: total, by: map[string]*usage{}}
}

// connect takes a connection into the account, and reports whether it may stay.
func (us *users) connect(uid string) bool {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.user(uid)
	if u.open >= us.perUser || us.open >= us.total {
		return false
	}
	u.open++
	us.open++
	return true
}

// disconnect takes it out again.
func (us *users) disconnect(uid string) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.user(uid).open--
	us.open--
}

// spend takes one call from the user's credit, and returns 0; or how long it
// will be until there is credit again.
func (us *users) spend(uid string) time.Duration {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.user(uid)
	now := us.now()
	u.earn(now)
	if u.credit < 1 {
		return time.Duration((1 - u.credit) / perSecond * float64(time.Second))
	}
	u.credit--
	return 0
}

func (u *usage) earn(now time.Time) {
	u.credit = min(burst, u.credit+max(0, now.Sub(u.at).Seconds())*perSecond)
	u.at = now
}

// user returns the account of a user. One that is idle and has all its credit
// is nothing to remember.
func (us *users) user(uid string) *usage {
	if u, ok := us.by[uid]; ok {
		return u
	}
	if now := us.now(); len(us.by) >= maxIdle {
		for id, u := range us.by {
			if u.earn(now); u.open == 0 && u.credit == burst {
				delete(us.by, id)
			}
		}
	}
	u := &usage{credit: burst, at: us.now()}
	us.by[uid] = u
	return u
}
