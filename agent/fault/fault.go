// Package fault is the error vocabulary of the agent.
//
// A fault names the operation, the kind of failure, the instance and the next step. No
// other error type crosses the ipc boundary. Every other error becomes [Internal] there,
// and its text goes only to the log. The package imports no HTTP, sockets or systems.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the class of a failure. A caller decides by it. The text of a Kind is wire
// format: never change one, only add.
type Kind string

// The kinds. Their meaning for a reader, and the next step, are in [Kind.Advice].
const (
	InvalidRequest        Kind = "invalid_request"        // the request is malformed
	Denied                Kind = "denied"                 // the caller may not do this
	UnknownApplication    Kind = "unknown_application"    // no such application is configured
	UnknownInstance       Kind = "unknown_instance"       // the application has no such instance
	NoFreeInstance        Kind = "no_free_instance"       // every instance is leased to a live process
	NotRegistered         Kind = "not_registered"         // no auth token is stored yet
	RegistrationExpired   Kind = "registration_expired"   // the registration token is past its date
	RegistrationExhausted Kind = "registration_exhausted" // the registration token has no count left
	RegistrationRefused   Kind = "registration_refused"   // the service refused it for another reason
	RedemptionUncertain   Kind = "redemption_uncertain"   // a count may have been used; a person decides
	RedemptionUnconfirmed Kind = "redemption_unconfirmed" // accepted, but no proof that the service read the names; a person decides
	Revoked               Kind = "revoked"                // the service withdrew the auth token
	RefreshLost           Kind = "refresh_lost"           // the answer with the new refresh token was lost
	RefreshExpired        Kind = "refresh_expired"        // the refresh token has expired
	RefreshUncertain      Kind = "refresh_uncertain"      // refused, and no refresh mode has worked yet
	Throttled             Kind = "throttled"              // too many requests; see Retry
	Unavailable           Kind = "unavailable"            // the service cannot be reached now
	StoreLocked           Kind = "store_locked"           // the keyring is locked
	StoreUnreadable       Kind = "store_unreadable"       // the state cannot be read
	StoreMissing          Kind = "store_missing"          // records without their key
	StoreRolledBack       Kind = "store_rolled_back"      // an older copy of the state was put back
	Quarantined           Kind = "quarantined"            // this device looks like a copy of another
	Internal              Kind = "internal"               // a defect here; retrying will not help
)

// Kinds lists every kind, in the order of the documentation.
func Kinds() []Kind {
	return []Kind{
		InvalidRequest, Denied, UnknownApplication, UnknownInstance, NoFreeInstance, NotRegistered,
		RegistrationExpired, RegistrationExhausted, RegistrationRefused, RedemptionUncertain, RedemptionUnconfirmed, Revoked,
		RefreshLost, RefreshExpired, RefreshUncertain, Throttled, Unavailable, StoreLocked, StoreUnreadable, StoreMissing,
		StoreRolledBack, Quarantined, Internal,
	}
}

// NeedsPerson reports whether a person must act, since Regent does not retry soon. Such a
// fault has no Retry.
func (k Kind) NeedsPerson() bool {
	return slices.Contains([]Kind{RegistrationExpired, RegistrationExhausted, RegistrationRefused, RedemptionUncertain, RedemptionUnconfirmed, Revoked, RefreshLost, RefreshExpired}, k)
}

// Error implements error, for errors.Is(err, fault.Revoked).
func (k Kind) Error() string { return string(k) }

// Fault is an error with a Kind.
type Fault struct {
	Op       string        // the operation: "refresh", "redeem"
	Kind     Kind          // the class
	Instance string        // "cad/1"; "" if the failure is not about one instance
	Detail   string        // for the caller: the cause and the next step; no secret
	Retry    time.Duration // when trying again may help; 0 if unknown
	Err      error         // the cause, only for the log; may be nil
}

// New returns a Fault. It never returns nil.
func New(op string, kind Kind, cause error) *Fault { return &Fault{Op: op, Kind: kind, Err: cause} }

// Errorf returns a Fault with a text for the caller. It never returns nil. The arguments
// must contain no secret.
func Errorf(op string, kind Kind, format string, args ...any) *Fault {
	return &Fault{Op: op, Kind: kind, Detail: Commands(fmt.Sprintf(format, args...))}
}

// WithInstance returns a copy of f for the instance id.
func (f *Fault) WithInstance(id string) *Fault {
	g := *f
	g.Instance = id
	return &g
}

// WithRetry returns a copy of f that says when trying again may help.
func (f *Fault) WithRetry(d time.Duration) *Fault {
	g := *f
	g.Retry = d
	return &g
}

// WithCause returns a copy of f with a cause for the log.
func (f *Fault) WithCause(err error) *Fault {
	g := *f
	g.Err = err
	return &g
}

func (f *Fault) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", f.Op, f.Kind)
	if f.Instance != "" {
		fmt.Fprintf(&b, " (instance %s)", f.Instance)
	}
	if f.Detail != "" {
		fmt.Fprintf(&b, ": %s", f.Detail)
	}
	if f.Err != nil {
		fmt.Fprintf(&b, ": %v", f.Err)
	}
	return b.String()
}

// Text is the text for the caller: the detail, or the advice of the kind. It names the
// instance in commands.
func (f *Fault) Text() string {
	text := f.Detail
	if text == "" {
		text = f.Kind.Advice()
	}
	text = Commands(text)
	if f.Instance != "" {
		text = strings.ReplaceAll(text, InstancePlaceholder, f.Instance)
	}
	return text
}

// Unwrap exposes both the Kind and the cause to errors.Is and errors.AsType.
func (f *Fault) Unwrap() []error {
	if f.Err == nil {
		return []error{f.Kind}
	}
	return []error{f.Kind, f.Err}
}

// KindOf returns the Kind of the outermost Fault in err, or Internal.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f.Kind
	}
	if k, ok := errors.AsType[Kind](err); ok {
		return k
	}
	return Internal
}

// From returns the outermost Fault in err, or an Internal one that wraps it.
// It returns nil only for a nil error.
func From(err error) *Fault {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	return New("agent", KindOf(err), err)
}
