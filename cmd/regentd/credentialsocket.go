package main

import (
	"context"
	"errors"
	"log/slog"
	"net"

	"regent/agent"
	"regent/agent/authz"
	"regent/ipc/credential"
	"regent/platform/localsock"
	"regent/platform/peer"
)

// addCredentialLoop adds the loop that serves the service manager's units, if it has
// passed on a socket for that or one is asked for.
func (d *daemon) addCredentialLoop(loops []func(context.Context) error, in inheritedSockets, path string, log *slog.Logger) ([]func(context.Context) error, error) {
	s, err := credential.New(credential.Deps{
		Credential: d.agent.Credential, User: peer.UID, Identify: identifyUnit, Now: now, Log: log,
	})
	if err != nil {
		return nil, err
	}
	var ln net.Listener
	switch {
	case in.credential != nil:
		ln, err = newReusableListener(in.credential)
	case path != "":
		ln, err = localsock.Listen(path)
	default:
		return loops, nil
	}
	if err != nil {
		return nil, err
	}
	return append(loops, func(ctx context.Context) error { return s.Serve(ctx, ln) }), nil
}

// identifyUnit is for [credential.Deps].
func identifyUnit(c net.Conn) (credential.IdentifiedUnit, error) {
	p, err := peer.Identify(c)
	if err != nil {
		return credential.IdentifiedUnit{}, err
	}
	u, err := p.OpenUnit()
	if err := errors.Join(err, p.Close()); err != nil {
		return credential.IdentifiedUnit{}, err
	}
	return credential.IdentifiedUnit{
		Caller: agent.Caller{
			Caller:  authz.Caller{UID: p.UID, Unit: u.Name, Slices: u.Slices(), Start: u.ID, Weak: p.ByPID, Evidence: unitEvidence{u}},
			Process: leaseHolder[*peer.Unit]{u}, Cgroup: u.Cgroup,
		},
		Close: u.Close,
	}, nil
}

// unitEvidence proves of a unit that asks as a whole which one it is.
type unitEvidence struct{ of *peer.Unit }

// IsExecutable implements [authz.Evidence].
func (unitEvidence) IsExecutable(string) (bool, string) { return false, "a unit is no executable" }

// SHA256 implements [authz.Evidence].
func (unitEvidence) SHA256() (string, error) { return "", errors.New("a unit is no executable") }

// Signer implements [authz.Evidence].
func (unitEvidence) Signer() (authz.Signer, error) {
	return authz.Signer{}, errors.New("a unit is no program")
}

// Units implements [authz.Evidence].
func (e unitEvidence) Units() ([]string, error) {
	return append([]string{e.of.Name}, e.of.Slices()...), e.of.Alive()
}

// UserNamed implements [authz.Evidence].
func (unitEvidence) UserNamed(string) (string, error) { return "", errors.New("a unit is no user") }

// GroupNamed implements [authz.Evidence].
func (unitEvidence) GroupNamed(string) (string, error) { return "", errors.New("a unit is no group") }

var _ authz.Evidence = unitEvidence{}
