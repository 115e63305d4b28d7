package refresh

import (
	"time"

	"regent/agent/timing"
	"regent/agent/tokenstore"
)

// Window is the part of a token's life in which a refresh begins.
type Window struct{ From, To float64 }

// DefaultWindow begins a refresh between 60 % and 75 % of a token's life.
func DefaultWindow() Window { return Window{0.60, 0.75} }

// Due returns the age at which the auth token is to be refreshed, by the
// shorter of the lives of its access and its refresh token. It is a pure
// function of the record: asking twice gives one answer, so polling cannot bias
// the jitter.
func (w Window) Due(r tokenstore.Record) time.Duration {
	return time.Duration(float64(shorterLife(r)) * (w.From + (w.To-w.From)*r.Jitter))
}

// shorterLife is the shorter of the lives of the access and the refresh token.
func shorterLife(r tokenstore.Record) time.Duration {
	if r.RefreshLife.TTL > 0 {
		return min(r.AccessLife.TTL, r.RefreshLife.TTL)
	}
	return r.AccessLife.TTL
}

// startSplayFraction is the part of an access token's life over which those are spread that
// are due at start. A fleet then asks at most two and a half times as often as it
// does in an ordinary hour.
const startSplayFraction = 0.3

// startSplay returns how long a refresh that is due at start, and that nobody
// waits for, is put off at most. One whose answer is missing is not: the service
// may take the same refresh token again for some seconds only. Nor is the
// refresh token put at risk: at least half of what is left of its life remains.
func startSplay(r tokenstore.Record, c timing.Clock) time.Duration {
	if r.Attempt.AnswerMissing() {
		return 0
	}
	most := time.Duration(startSplayFraction * float64(r.AccessLife.TTL))
	if r.RefreshLife.TTL > 0 {
		left, _ := r.RefreshLife.Remaining(c)
		most = min(most, left/2)
	}
	return most
}
