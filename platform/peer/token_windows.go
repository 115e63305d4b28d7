package peer

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/windows"
)

// identity is who a token speaks for.
type identity struct {
	user   string   // a SID
	groups []string // SIDs of the groups that count: not those that only deny
}

func identityOf(t windows.Token) (id identity, err error) {
	user, err := t.GetTokenUser()
	if err != nil {
		return id, fmt.Errorf("ask a token for its user: %w", err)
	}
	groups, err := t.GetTokenGroups()
	if err != nil {
		return id, fmt.Errorf("ask a token for its groups: %w", err)
	}
	id.user = user.User.Sid.String()
	for _, g := range groups.AllGroups() {
		if counts(g.Attributes) {
			id.groups = append(id.groups, g.Sid.String())
		}
	}
	return id, nil
}

// counts reports whether a group with these attributes gives its rights: that of
// the administrators does not until its member is elevated.
func counts(attributes uint32) bool {
	return attributes&windows.SE_GROUP_ENABLED != 0 && attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY == 0
}

// ofClient returns who the client of a pipe is, by the token that the system lends
// for that. The system knows it once the client has connected.
func ofClient(pipe windows.Handle) (id identity, err error) {
	runtime.LockOSThread()
	if err := impersonate(pipe); err != nil {
		runtime.UnlockOSThread()
		return id, fmt.Errorf("impersonate the client: %w", err)
	}
	defer func() {
		// A thread that cannot be itself again stays locked, and ends with its
		// goroutine: nothing else may run on it.
		if reverted := windows.RevertToSelf(); reverted != nil {
			err = errors.Join(err, fmt.Errorf("stop impersonating: %w", reverted))
			return
		}
		runtime.UnlockOSThread()
	}()
	var t windows.Token
	if err := windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &t); err != nil {
		return id, fmt.Errorf("open the client's token: %w", err)
	}
	defer t.Close() //nolint:errcheck // it was only read
	return identityOf(t)
}

func impersonate(pipe windows.Handle) error {
	p := windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")
	if ok, _, err := p.Call(uintptr(pipe)); ok == 0 {
		return err
	}
	return nil
}

// identity returns whom the process runs as.
func (p *Process) identity() (id identity, err error) {
	err = p.with(func(h windows.Handle) error {
		var t windows.Token
		if err := windows.OpenProcessToken(h, windows.TOKEN_QUERY, &t); err != nil {
			return fmt.Errorf("open the token of a process: %w", err)
		}
		defer t.Close() //nolint:errcheck // it was only read
		id, err = identityOf(t)
		return err
	})
	return id, err
}

// agree refuses two accounts of one caller: who connected, and whom the process
// that connected runs as. Somebody who impersonates another, or handed the pipe's
// end on, is neither.
func agree(client, process identity) error {
	if client.user != process.user {
		return fmt.Errorf("the pipe's client is %s, and its process runs as %s", client.user, process.user)
	}
	for _, g := range client.groups {
		if !slices.Contains(process.groups, g) && !transient(g) {
			return fmt.Errorf("the pipe's client is in the group %s, and its process is not", g)
		}
	}
	return nil
}

// transient reports whether a group says how somebody came, and not who it is:
// NETWORK, which a token gets that has travelled.
func transient(group string) bool { return group == "S-1-5-2" }
