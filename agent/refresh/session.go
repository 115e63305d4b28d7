package refresh

import (
	"time"

	"regent/agent/instance"
	"regent/agent/tokenstore"
)

// expiryTolerance is how far from the announced end of a refresh token's life an answer
// may come and still be taken for that end: lives and dates have whole seconds,
// and an answer takes its time.
const expiryTolerance = 3 * time.Second

// atAnnouncedEnd reports whether an answer came at the end of the refresh token's life
// that an earlier one had announced. A life of 0 in it is then no life, and not
// one without end.
func atAnnouncedEnd(r tokenstore.Record, a refreshAnswer) bool {
	return r.RefreshLife.TTL > 0 && a.receivedAt.Sub(refreshTokenEnd(r)).Abs() <= expiryTolerance
}

// refreshTokenEnd is when the refresh token ends, by the service's own clock.
func refreshTokenEnd(r tokenstore.Record) time.Time { return r.RefreshIssuedAt.Add(r.RefreshLife.TTL) }

// endTolerance is how far the ends that two answers announce may differ and still be
// one.
const endTolerance = 2 * time.Second

// sessionLimit returns after how long the service ends a session, as far as an answer
// shows it: a refresh moves the end of a refresh token that must not lie idle, and
// cannot move the end of a session. 0 is no end. It is pure.
func sessionLimit(r tokenstore.Record, a refreshAnswer) time.Duration {
	if a.refreshLife.TTL <= 0 {
		if !a.token.Refresh.IsZero() && !atAnnouncedEnd(r, a) {
			return 0 // a refresh token without end, as offline tokens are
		}
		return r.SessionLimit
	}
	next := a.receivedAt.Add(a.refreshLife.TTL)
	known := r.RefreshLife.TTL > 0 && !r.RefreshIssuedAt.IsZero() && !r.RedeemedAt.IsZero()
	switch {
	case known && a.receivedAt.Sub(r.RefreshIssuedAt) > 2*endTolerance && next.Sub(refreshTokenEnd(r)) <= endTolerance:
		return next.Sub(r.RedeemedAt).Round(time.Second)
	case r.SessionLimit > 0 && next.Sub(r.RedeemedAt.Add(r.SessionLimit)) > endTolerance:
		return 0 // it goes on for longer than that
	}
	return r.SessionLimit
}

// SessionLimit is after how long the service of a tenant ends its sessions, by what
// was learnt of its auth tokens; 0 if no end is known. The newest answer that shows
// an end, or that there is none, decides. It is pure.
func SessionLimit(held []tokenstore.Record) time.Duration {
	var newest tokenstore.Record
	for _, r := range held {
		tells := r.SessionLimit > 0 || r.RefreshLife.TTL == 0 && !r.Refresh.IsZero()
		if tells && (newest.ID == (instance.ID{}) || r.RefreshIssuedAt.After(newest.RefreshIssuedAt)) {
			newest = r
		}
	}
	return newest.SessionLimit
}
