package peer

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sys/windows"
)

// tokenIdentity is the user and the groups of a token.
type tokenIdentity struct {
	user   string   // a SID
	groups []string // SIDs of the enabled groups, without deny-only groups
}

func tokenIdentityOf(t windows.Token) (id tokenIdentity, err error) {
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
		if isGroupEnabled(g.Attributes) {
			id.groups = append(id.groups, g.Sid.String())
		}
	}
	return id, nil
}

// isGroupEnabled reports whether a group with these attributes grants its rights.
// Administrators does not grant them before elevation.
func isGroupEnabled(attributes uint32) bool {
	return attributes&windows.SE_GROUP_ENABLED != 0 && attributes&windows.SE_GROUP_USE_FOR_DENY_ONLY == 0
}

// clientIdentity returns the identity of a pipe's client, from the token that the system
// provides for impersonation. The token exists once the client has connected.
func clientIdentity(pipe windows.Handle) (id tokenIdentity, err error) {
	runtime.LockOSThread()
	if err := impersonate(pipe); err != nil {
		runtime.UnlockOSThread()
		return id, fmt.Errorf("impersonate the client: %w", err)
	}
	defer func() {
		// A thread that cannot stop impersonating stays locked and ends with its
		// goroutine. No other goroutine may use it.
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
	defer t.Close() //nolint:errcheck // read only
	return tokenIdentityOf(t)
}

func impersonate(pipe windows.Handle) error {
	p := windows.NewLazySystemDLL("advapi32.dll").NewProc("ImpersonateNamedPipeClient")
	if ok, _, err := p.Call(uintptr(pipe)); ok == 0 {
		return err
	}
	return nil
}

// identity returns the identity that the process runs as.
func (p *Process) identity() (id tokenIdentity, err error) {
	err = p.withHandle(func(h windows.Handle) error {
		var t windows.Token
		if err := windows.OpenProcessToken(h, windows.TOKEN_QUERY, &t); err != nil {
			return fmt.Errorf("open the token of a process: %w", err)
		}
		defer t.Close() //nolint:errcheck // read only
		id, err = tokenIdentityOf(t)
		return err
	})
	return id, err
}

// checkSameIdentity returns an error if the client of the pipe and its process have
// different accounts. They differ if the client impersonates a user or gave its end of the
// pipe to another process.
func checkSameIdentity(client, process tokenIdentity) error {
	if client.user != process.user {
		return fmt.Errorf("the pipe's client is %s, and its process runs as %s", client.user, process.user)
	}
	for _, g := range client.groups {
		if !slices.Contains(process.groups, g) && !isLogonGroup(g) {
			return fmt.Errorf("the pipe's client is in the group %s, and its process is not", g)
		}
	}
	return nil
}

// isLogonGroup reports whether a group describes the kind of logon, not the user: NETWORK,
// which Windows adds to tokens from the network.
func isLogonGroup(group string) bool { return group == "S-1-5-2" }
