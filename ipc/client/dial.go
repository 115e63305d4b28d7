package client

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os/user"
	"path/filepath"
	"slices"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/platform/localsock"
	"regent/platform/peer"
)

// ErrNotReachable means that no agent answers. [NextStep] has the next step.
var ErrNotReachable = errors.New("regentd does not answer")

// ConnectionOf returns the outcome of a connection that ended with err: answered if err is
// nil.
func ConnectionOf(err error) doctor.Connection {
	if err == nil {
		return doctor.ConnectionAnswered
	}
	if u, ok := errors.AsType[*notReachableError](err); ok {
		return u.reason
	}
	switch {
	case errors.Is(err, ErrNotReachable):
		return doctor.ConnectionTimeout // it is the cause of a deadline
	case errors.Is(err, fault.Throttled):
		return doctor.ConnectionThrottled
	}
	return doctor.ConnectionFailed
}

// notReachableError is an ErrNotReachable with its reason.
type notReachableError struct {
	reason doctor.Connection
	detail string
	next   string // the next step: one or more commands
	cause  error
}

func (u *notReachableError) Error() string   { return "cannot connect to regentd: " + u.detail }
func (u *notReachableError) Unwrap() []error { return []error{ErrNotReachable, u.cause} }

// NextStep returns a person's next step after an error that wraps [ErrNotReachable], in
// one line. It is "" for any other error.
func NextStep(err error) string {
	if u, ok := errors.AsType[*notReachableError](err); ok {
		return u.next
	}
	if errors.Is(err, ErrNotReachable) {
		return "Read its log: " + logCommand + "    Diagnose: regent doctor"
	}
	return ""
}

// newNotReachableError says why there is no answer. It leaves out the address that the
// HTTP client adds, since no such address exists.
func newNotReachableError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if known, ok := errors.AsType[*notReachableError](err); ok {
		return known
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &notReachableError{
		doctor.ConnectionFailed, fmt.Sprintf("it closed the connection before its answer (%v)", err),
		"Try again. If it fails again, read the log: " + logCommand, err,
	}
}

// Trust names the users that a client accepts as the listener.
type Trust struct {
	UIDs  []string // in decimal, or SIDs
	Users []string // by name; looked up only if no UID matches
	// System trusts the installed socket also if the kernel cannot name the
	// listener: in a user namespace without root.
	System bool
}

// TrustFor returns the trusted listeners of a socket: root (on Windows SYSTEM and
// Administrators) and the package's user regent. At any other than the installed socket
// it adds the user of this process, who may run a daemon there. It does not add that user
// if a user namespace does not map it. The root of a user namespace is not trusted unless
// it is the system's root.
func TrustFor(socket string) Trust {
	t := Trust{UIDs: peer.SystemUsers(), Users: []string{"regent"}, System: true}
	if self, err := peer.Self(); err == nil && socket != localsock.DefaultPath {
		t.UIDs = append(t.UIDs, self)
	}
	return t
}

// DialChecked connects to the socket and makes sure, before a byte is sent,
// that the kernel names a trusted user as the listener. Otherwise a secret could
// go to a process that created the socket first. Some user namespaces do not map
// root or the agent's user: all users outside then have one uid. There only the
// installed socket is trusted, in a place that only the namespace's root can
// change. Outside, /run belongs to root. If the creator of the sandbox mounted
// something else there, DialChecked cannot notice.
// Its errors wrap [ErrNotReachable], or the context's error.
func DialChecked(ctx context.Context, socket string, t Trust) (net.Conn, error) {
	c, err := connect(ctx, socket, socket)
	if err != nil {
		return nil, err
	}
	uid, err := peer.UID(c)
	if err != nil {
		return nil, errors.Join(untrustedListenerError(socket, err, adviceAskAdministrator), c.Close())
	}
	unnamed, err := peer.IsUnmapped(uid)
	switch {
	case err != nil:
		return nil, errors.Join(untrustedListenerError(socket, err, "Mount /proc into this sandbox"), c.Close())
	case unnamed && t.System:
		return dialAsUnmappedUser(ctx, socket, uid, c)
	case unnamed || !t.accepts(uid):
		who := "neither root nor the user regent"
		if slices.Contains(peer.Superusers(), uid) {
			who = "root of this user namespace only"
		}
		err = fmt.Errorf("uid %s listens there, %s", uid, who)
		return nil, errors.Join(untrustedListenerError(socket, err, adviceAskAdministrator), c.Close())
	}
	return c, nil
}

var adviceAskAdministrator = fault.Commands("Ask an administrator which process listens there: sudo regent doctor")

// untrustedListenerError says why nothing was sent to the listener, and the next step.
func untrustedListenerError(socket string, why error, next string) error {
	return &notReachableError{doctor.ConnectionForeign, fmt.Sprintf("nothing was sent to %s: %v", socket, why), next, why}
}

// dialAsUnmappedUser replaces first, a connection to a listener without a uid in this user
// namespace. The kernel shows uid for all such users. It checks the socket's file, then
// connects to the same file.
func dialAsUnmappedUser(ctx context.Context, socket, uid string, first net.Conn) (net.Conn, error) {
	refuse := func(why error) error {
		return untrustedListenerError(socket, fmt.Errorf("this user namespace does not map the daemon's user (uid %s here): %w", uid, why),
			"Mount /run/regent into the sandbox at /run/regent, or run the command outside it")
	}
	if err := first.Close(); err != nil {
		return nil, refuse(err)
	}
	file, err := peer.OpenProtectedSocket(socket)
	if err != nil {
		return nil, refuse(err)
	}
	if installed, err := filepath.EvalSymlinks(localsock.DefaultPath); err != nil || file.Path != installed {
		return nil, errors.Join(refuse(fmt.Errorf("any user outside could listen at %s; only %s is protected", file.Path, localsock.DefaultPath)), file.Close())
	}
	c, err := connect(ctx, socket, file.Address)
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, err
	}
	now, err := peer.UID(c)
	if err == nil && now != uid {
		err = fmt.Errorf("uid %s listens there now", now)
	}
	if err == nil {
		err = peer.CheckOutsideNamespace(c)
	}
	if err != nil {
		return nil, errors.Join(refuse(err), c.Close())
	}
	return c, nil
}

// connect connects to address. Errors name the socket.
func connect(ctx context.Context, socket, address string) (net.Conn, error) {
	c, err := localsock.Dial(ctx, address)
	switch {
	case err == nil:
		return c, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, newDialError(socket, err)
}

func (t Trust) accepts(uid string) bool {
	return slices.Contains(t.UIDs, uid) || slices.ContainsFunc(t.Users, func(name string) bool {
		u, err := user.Lookup(name)
		return err == nil && u.Uid == uid
	})
}

// newDialError says why there is no connection to the socket, and the next step.
func newDialError(socket string, err error) error {
	e := &notReachableError{doctor.ConnectionFailed, fmt.Sprintf("%s: %v", socket, err), "Diagnose: regent doctor", err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.reason = doctor.ConnectionNoSocket
		e.detail = socket + " does not exist"
		e.next = "Start it: " + startCommand + "    Diagnose: regent doctor"
		if socket != localsock.DefaultPath {
			e.next = "Check --socket and REGENT_SOCKET    Diagnose: regent doctor"
		}
	case errors.Is(err, localsock.ErrNoListener):
		e.reason = doctor.ConnectionRefused
		e.detail = "nothing listens at " + socket + "; regentd was killed"
		e.next = "Start it: " + startCommand + "    Diagnose: regent doctor"
	case errors.Is(err, fs.ErrPermission):
		e.reason = doctor.ConnectionForbidden
		e.detail = fmt.Sprintf("%s: permission denied; every user should have access", socket)
		e.next = "Diagnose: regent doctor (it checks the mode of the socket and of its directory)"
	}
	return e
}
