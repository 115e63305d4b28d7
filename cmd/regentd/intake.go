package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"regent/agent"
	"regent/agent/policy"
	"regent/agent/redeem"
	"regent/agent/token"
	"regent/platform/tokenfile"
)

// registrationCredential is the name of the systemd credential that holds a
// registration token.
const registrationCredential = "regent-registration-token" //nolint:gosec // its name, not what is in it

// intake is the registration token's way in without a person: by a systemd
// credential at start, or by a file that may appear at any time.
type intake struct {
	agent *agent.Agent
	log   *slog.Logger
	watch *tokenfile.Watcher
	// givenUp says of the credential whether a person wants it no more.
	givenUp func(token.Secret) (bool, error)
	// sealed has the fingerprint of each registration token whose file could not
	// be removed: it is removed later, and not taken again. Only Run's goroutine
	// uses it.
	sealed map[string]string
	// reported are the files that status shows as problems. Only Run's goroutine
	// uses it.
	reported map[string]bool
}

func newIntake(a *agent.Agent, log *slog.Logger, givenUp func(token.Secret) (bool, error)) (*intake, error) {
	in := &intake{agent: a, log: log, givenUp: givenUp, sealed: map[string]string{}, reported: map[string]bool{}}
	var err error
	in.watch, err = tokenfile.NewWatcher(tokenfile.Deps{Paths: in.paths, OnFile: in.told, Log: log})
	return in, err
}

// Run takes what comes until ctx is done.
func (in *intake) Run(ctx context.Context) error {
	if err := in.credential(ctx); err != nil {
		in.log.WarnContext(ctx, "the registration token's credential was not taken", "err", err)
	}
	return in.watch.Run(ctx)
}

func (in *intake) credential(ctx context.Context) error {
	t, ok, err := credentialToken()
	if err != nil || !ok {
		return err
	}
	switch unwanted, err := in.givenUp(t); {
	case err != nil:
		return err
	case unwanted:
		in.log.InfoContext(ctx, "the registration token's credential is left alone: this device was unregistered", "fingerprint", redeem.Fingerprint(t))
		return nil
	}
	_, err = in.agent.Enrol(ctx, agent.Registration{Token: t, Source: "credential " + registrationCredential})
	return err
}

// paths lists the files that the configuration names. A problem whose file is
// gone is one no more.
func (in *intake) paths() []string {
	for path := range in.reported {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			in.report(path, "")
		}
	}
	s := in.agent.Settings()
	var out []string
	if s.RegistrationTokenFile != "" {
		out = append(out, s.RegistrationTokenFile)
	}
	for _, app := range s.Applications {
		if app.RegistrationTokenFile != "" {
			out = append(out, app.RegistrationTokenFile)
		}
	}
	return out
}

// told takes the file at path, and has status show why it cannot be taken.
func (in *intake) told(ctx context.Context, path string) error {
	err := in.take(ctx, path)
	switch {
	case err == nil, errors.Is(err, tokenfile.ErrMissing), errors.Is(err, tokenfile.ErrEmpty), errors.Is(err, tokenfile.ErrNotPermitted):
		in.report(path, "")
	default:
		in.report(path, err.Error())
	}
	return err
}

func (in *intake) report(path, detail string) {
	in.agent.Report(path, detail)
	delete(in.reported, path)
	if detail != "" {
		in.reported[path] = true
	}
}

// take seals the registration token in the file at path, for everyone that the
// configuration names it for. Only when every sealed copy is durable the file
// goes.
func (in *intake) take(ctx context.Context, path string) error {
	b, seen, err := tokenfile.Read(path)
	if err != nil {
		return err
	}
	secret := token.NewSecret(string(b))
	if in.sealed[path] != redeem.Fingerprint(secret) {
		if err := in.seal(ctx, path, secret); err != nil {
			return err
		}
		in.sealed[path] = redeem.Fingerprint(secret)
	}
	if err := tokenfile.Remove(path, seen); err != nil {
		return fmt.Errorf("the registration token in %s is sealed, but the file could not be removed; remove it by hand: %w", path, err)
	}
	delete(in.sealed, path)
	return nil
}

func (in *intake) seal(ctx context.Context, path string, secret token.Secret) error {
	for _, r := range readers(in.agent.Settings(), path) {
		r.Token, r.Source = secret, "file "+path
		if _, err := in.agent.Enrol(ctx, r); err != nil {
			return fmt.Errorf("the registration token in %s was not taken, and the file was left there: %w", path, err)
		}
	}
	return nil
}

// readers lists what the configuration says the file at path is for.
func readers(s policy.Settings, path string) []agent.Registration {
	var out []agent.Registration
	if s.RegistrationTokenFile == path {
		out = append(out, agent.Registration{})
	}
	for _, app := range s.Applications {
		if app.RegistrationTokenFile == path {
			out = append(out, agent.Registration{Application: app.ID})
		}
	}
	return out
}
