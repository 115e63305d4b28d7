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

// ErrNotReachable means that no agent answers. Its text names the socket and
// what to do next.
var ErrNotReachable = errors.New("the agent is not reachable")

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
	detail string // what is wrong and what to do next
	cause  error
}

func (u *notReachableError) Error() string   { return ErrNotReachable.Error() + ": " + u.detail }
func (u *notReachableError) Unwrap() []error { return []error{ErrNotReachable, u.cause} }

// newNotReachableError says why there is no answer. What the HTTP client wraps around the
// reason is of no use to a reader.
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
	return &notReachableError{doctor.ConnectionFailed, fmt.Sprintf("it ended the connection before it had answered (%v); ask again, and see the daemon's log if that repeats", err), err}
}

// Trust says whose listener a client talks to.
type Trust struct {
	UIDs  []string // in decimal, or SIDs
	Users []string // by name; looked up only if no UID matches
	// System trusts the installed socket also where the kernel cannot name who
	// listens: in a user namespace without root.
	System bool
}

// TrustFor returns the trust for a socket: root, on Windows SYSTEM and
// Administrators, the package's user regent, and
// for any but the installed socket also the user of this process, who runs a
// daemon of their own there. A user namespace that gives the user of this process
// no number names nobody's own, and the root of one that somebody made beside the
// system is no root.
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
		return nil, errors.Join(untrustedListenerError(socket, err, "mount /proc into this sandbox"), c.Close())
	case unnamed && t.System:
		return dialAsUnmappedUser(ctx, socket, uid, c)
	case unnamed || !t.accepts(uid):
		who := "neither root nor the user of the agent"
		if slices.Contains(peer.Superusers(), uid) {
			who = "root of this user namespace alone, and an ordinary user outside"
		}
		err = fmt.Errorf("uid %s listens there, who is %s", uid, who)
		return nil, errors.Join(untrustedListenerError(socket, err, adviceAskAdministrator), c.Close())
	}
	return c, nil
}

const adviceAskAdministrator = "an administrator finds out what it is"

// untrustedListenerError says why nothing was sent to who listens, and what to do next.
func untrustedListenerError(socket string, why error, next string) error {
	return &notReachableError{doctor.ConnectionForeign, fmt.Sprintf("nothing was sent to %s: %v; %s", socket, why, next), why}
}

// dialAsUnmappedUser connects anew in place of first, whose listener the kernel shows as uid,
// a stand-in for users without a number here: to the very file that was judged.
func dialAsUnmappedUser(ctx context.Context, socket, uid string, first net.Conn) (net.Conn, error) {
	refuse := func(why error) error {
		return untrustedListenerError(socket, fmt.Errorf("this process is in a user namespace that does not map the daemon's user (it has uid %s here): %w, so regent cannot verify the daemon", uid, why),
			"mount /run/regent into the sandbox at /run/regent, or run this command outside the sandbox")
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

// connect connects to address, which people know as the socket.
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

// newDialError says why there is no connection to the socket, and what to do next.
func newDialError(socket string, err error) error {
	e := &notReachableError{doctor.ConnectionFailed, fmt.Sprintf("connect to %s: %v", socket, err), err}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.reason = doctor.ConnectionNoSocket
		e.detail = fmt.Sprintf("there is no %s; is regentd running? See %s, and what is wrong with: regent doctor; or does --socket or REGENT_SOCKET name another one?", socket, serviceCommand("status"))
	case errors.Is(err, localsock.ErrNoListener):
		e.reason = doctor.ConnectionRefused
		e.detail = fmt.Sprintf("nobody listens at %s any more; regentd was killed: start it again, with %s", socket, serviceCommand("start"))
	case errors.Is(err, fs.ErrPermission):
		e.reason = doctor.ConnectionForbidden
		e.detail = fmt.Sprintf("this user may not connect to %s; the socket should be open to all, and its directory too: see its mode, and any sandbox around this process", socket)
	}
	return e
}
