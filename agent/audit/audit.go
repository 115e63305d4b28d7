// Package audit records the requests of callers and their outcomes.
//
// The set of events is closed and their fields are typed. No field takes a secret. The
// caller chooses where the records go.
package audit

import (
	"context"
	"time"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/token"
)

// Event is one of the event types of this package.
type Event interface{ audit() }

type (
	// Access is a caller's request and its outcome.
	Access struct {
		At       time.Time
		Caller   authz.Caller
		Action   string // "token", "register", "lease.release", …
		Instance string // "cad/1", or "cad" if none was chosen
		Decision authz.Decision
		Outcome  fault.Kind // "" is success
		// Times is the number of requests, the first at Since and the last at At. 0 means
		// one. Separate says that the request must have its own line.
		Times    int
		Since    time.Time
		Separate bool
	}
	// Change is a change of an instance's state.
	Change struct {
		At       time.Time
		Instance token.Instance
		From, To token.State
		Cause    fault.Kind
	}
)

func (Access) audit() {}
func (Change) audit() {}

// Log records events. If Record returns nil, the event is in the log. Implementations are
// safe for concurrent use.
type Log interface {
	Record(context.Context, Event) error
}
