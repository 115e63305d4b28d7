package refresh

import (
	"time"

	"regent/agent/instance"
	"regent/agent/tokenstore"
)

// endSlack is how far from the announced end of a refresh token's life an answer
// may come and still be taken for that end: lives and dates have whole seconds,
// and an answer takes its time.
const endSlack = 3 * time.Second

// announced reports whether an answer came at the end of the refresh token's life
// that an earlier one had announced. A life of 0 in it is then no life, and not
// one without end.
func announced(r tokenstore.Record, a answeredRefresh) bool {
	return r.RefreshLife.TTL > 0 && a.served.Sub(end(r)).Abs() <= endSlack
}

// end is when the refresh token ends, by the service's own clock.
func end(r tokenstore.Record) time.Time { return r.Served.Add(r.RefreshLife.TTL) }

// sameEnd is how far the ends that two answers announce may differ and still be
// one.
const sameEnd = 2 * time.Second

// session returns after how long the service ends a session, as far as an answer
// shows it: a refresh moves the end of a refresh token that must not lie idle, and
// cannot move the end of a session. 0 is no end. It is pure.
func session(r tokenstore.Record, a answeredRefresh) time.Duration {
	if a.refr.TTL <= 0 {
		if !a.answer.Refresh.IsZero() && !announced(r, a) {
			return 0 // a refresh token without end, as offline tokens are
		}
		return r.Session
	}
	next := a.served.Add(a.refr.TTL)
	known := r.RefreshLife.TTL > 0 && !r.Served.IsZero() && !r.Began.IsZero()
	switch {
	case known && a.served.Sub(r.Served) > 2*sameEnd && next.Sub(end(r)) <= sameEnd:
		return next.Sub(r.Began).Round(time.Second)
	case r.Session > 0 && next.Sub(r.Began.Add(r.Session)) > sameEnd:
		return 0 // it goes on for longer than that
	}
	return r.Session
}

// SessionsEnd is after how long the service of a tenant ends its sessions, by what
// was learnt of its auth tokens; 0 if no end is known. The newest answer that shows
// an end, or that there is none, decides. It is pure.
func SessionsEnd(held []tokenstore.Record) time.Duration {
	var newest tokenstore.Record
	for _, r := range held {
		tells := r.Session > 0 || r.RefreshLife.TTL == 0 && !r.Refresh.IsZero()
		if tells && (newest.ID == (instance.ID{}) || r.Served.After(newest.Served)) {
			newest = r
		}
	}
	return newest.Session
}
