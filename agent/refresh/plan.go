package refresh

import (
	"time"

	"regent/agent/vault"
)

// Window is the part of a token's life in which a refresh begins.
type Window struct{ From, To float64 }

// Default begins a refresh between 60 % and 75 % of a token's life.
func Default() Window { return Window{0.60, 0.75} }

// Due returns the age at which the auth token is to be refreshed, by the
// shorter of the lives of its access and its refresh token. It is a pure
// function of the record: asking twice gives one answer, so polling cannot bias
// the jitter.
func (w Window) Due(r vault.Record) time.Duration {
	life := r.Life.TTL
	if r.RefreshLife.TTL > 0 {
		life = min(life, r.RefreshLife.TTL)
	}
	return time.Duration(float64(life) * (w.From + (w.To-w.From)*r.Draw))
}
