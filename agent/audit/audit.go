// Package audit records who asked for what, and what was done.
//
// The set of events is closed and their fields are typed. No field takes a secret. The
// package does not know where the records go: the caller gives it a sink.
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
		// Times is how often it came, the first time at Since and the last one At;
		// 0 is once. Alone says that it must have a line of its own.
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

// Log takes events. A Record that returns nil has reached the log.
// Implementations are safe for concurrent use.
type Log interface {
	Record(context.Context, Event) error
}
