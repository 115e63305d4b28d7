package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"regent/agent"
	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/token"
	"regent/platform/tokenfile"
)

// registrationCredential is the name of the systemd credential with a registration token.
const registrationCredential = "regent-registration-token" //nolint:gosec // its name, not what is in it

// tokenImporter imports registration tokens without a person: from a systemd credential at
// start, and from files that may appear at any time.
type tokenImporter struct {
	agent *agent.Agent
	log   *slog.Logger
	watch *tokenfile.Watcher
	// isUnregistered reports whether a token that comes back at each start was
	// unregistered. names are its fingerprints.
	isUnregistered func(names []string) (bool, error)
	// sealed has the registration token of each file that could not be removed yet, by
	// path. It is not imported again. Only Run's goroutine uses it.
	sealed map[string]token.Secret
	// reported has the files that status shows as problems. Only Run's goroutine uses it.
	reported map[string]bool
}

func newTokenImporter(a *agent.Agent, log *slog.Logger, givenUp func(names []string) (bool, error)) *tokenImporter {
	in := &tokenImporter{agent: a, log: log, isUnregistered: givenUp, sealed: map[string]token.Secret{}, reported: map[string]bool{}}
	in.watch = tokenfile.NewWatcher(tokenfile.Deps{Paths: in.paths, OnFile: in.importFile, Now: now, Log: log})
	return in
}

// Run imports the credential, then each file that appears, until ctx is done.
func (in *tokenImporter) Run(ctx context.Context) error {
	if err := in.importCredential(ctx); err != nil {
		in.agent.Report(doctor.RegistrationSource+"credential "+registrationCredential, tokenfile.Reason(err).Error())
		in.log.WarnContext(ctx, "cannot seal the registration token of the credential", "err", err)
	}
	return in.watch.Run(ctx)
}

func (in *tokenImporter) importCredential(ctx context.Context) error {
	t, ok, err := credentialToken()
	if err != nil || !ok {
		return err
	}
	switch unwanted, err := in.isUnregistered(in.agent.RegistrationFingerprints(ctx, t)); {
	case err != nil:
		return err
	case unwanted:
		in.log.InfoContext(ctx, "ignoring the credential of the registration token: this device was unregistered")
		return nil
	}
	_, err = in.agent.RegisterAsDaemon(ctx, agent.Registration{Token: t, Source: "credential " + registrationCredential})
	return err
}

// paths returns the files that the configuration names, and the unproven files beside
// them. It removes the problem of a file that no longer exists.
func (in *tokenImporter) paths() []string {
	for path := range in.reported {
		if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
			in.report(path, "")
		}
	}
	named := tokenFiles(in.agent.Settings())
	out := slices.Clone(named)
	for _, path := range named {
		out = append(out, tokenfile.ListAside(path)...)
	}
	return out
}

// tokenFiles lists the files that the configuration names, each once.
func tokenFiles(s policy.Settings) []string {
	var out []string
	add := func(path string) {
		if path != "" && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	add(s.RegistrationTokenFile)
	for _, app := range s.Applications {
		add(app.RegistrationTokenFile)
	}
	return out
}

// importFile imports the file at path. It removes an unproven file if its token is proven.
// It reports each problem to status.
func (in *tokenImporter) importFile(ctx context.Context, path string) error {
	if tokenfile.IsAside(path) {
		err := in.removeProven(ctx, path)
		in.reportError(path, err)
		return err
	}
	err := in.sealFile(ctx, path)
	if errors.Is(err, tokenfile.ErrNotPermitted) { // regentd-register.service imports it
		in.report(path, "")
		return err
	}
	in.reportError(path, err)
	if errors.Is(err, tokenfile.ErrUnremovable) {
		return nil // until the file changes
	}
	return err
}

func (in *tokenImporter) reportError(path string, err error) {
	if err == nil || errors.Is(err, tokenfile.ErrMissing) {
		in.report(path, "")
		return
	}
	in.report(path, err.Error())
}

func (in *tokenImporter) report(path, detail string) {
	in.agent.Report(doctor.RegistrationSource+path, detail)
	delete(in.reported, path)
	if detail != "" {
		in.reported[path] = true
	}
}

// sealFile seals the registration token in the file at path, for each application that the
// configuration names it for. When every sealed copy is durable, it deletes the file. If the
// token may be incomplete, it renames the file to an unproven one instead.
func (in *tokenImporter) sealFile(ctx context.Context, path string) error {
	secret, seen, err := tokenfile.Read(path, token.ParseRegistration)
	if err != nil {
		return fmt.Errorf("%w; the file is unchanged", tokenfile.Reason(err))
	}
	if tokenfile.IsUnremovable(path) {
		if unwanted, err := in.isUnregistered(in.agent.RegistrationFingerprints(ctx, secret)); unwanted || err != nil {
			return err // this device was unregistered, and the file cannot be deleted
		}
		if in.isSealed(path, secret) {
			in.sealed[path] = secret // by an earlier start
		}
	}
	if !in.sealed[path].Equal(secret) {
		if err := in.sealToken(ctx, path, secret); err != nil {
			return err
		}
		in.sealed[path] = secret
	}
	if err := in.removeFile(ctx, path, seen, secret); err != nil {
		return fmt.Errorf("the token is sealed, but the file is not deleted: %w", withMountHint(tokenfile.Reason(err)))
	}
	delete(in.sealed, path)
	return nil
}

// removeFile removes the file of a sealed registration token. [tokenfile.Clear] decides
// whether it stays as an unproven file until the service has accepted the token.
func (in *tokenImporter) removeFile(ctx context.Context, path string, seen tokenfile.Identity, secret token.Secret) error {
	why := token.FormatWarning(secret)
	aside, err := tokenfile.Clear(path, seen, why != "", func() bool { return in.agent.HasRedeemed(secret) })
	switch {
	case err != nil:
		return err
	case aside != "":
		in.log.WarnContext(ctx, "the registration token's file is kept until the service has accepted it", "why", cmp.Or(why, maybeRemainder), "path", path, "kept", aside)
		in.watch.CheckNow()
		return nil
	}
	in.warnOfLinks(ctx, path, seen)
	return nil
}

// maybeRemainder is the reason for keeping a token that may be the rest of another one.
const maybeRemainder = "the service has not accepted the registration token in another .unproven file; this one may be the rest of it"

func (in *tokenImporter) warnOfLinks(ctx context.Context, path string, removed tokenfile.Identity) {
	if warning := removed.LinkAdvice(path); warning != "" {
		in.log.WarnContext(ctx, "a removed registration token has other names", "err", warning)
	}
}

// isSealed reports whether a registration token is sealed for each application that the
// configuration names the file for.
func (in *tokenImporter) isSealed(path string, t token.Secret) bool {
	return in.everyReader(path, func(r agent.Registration) bool { return in.agent.HasRegistration(r, t) })
}

// superseded reports whether, after since, the service has accepted another registration
// token from each application of an unproven file.
func (in *tokenImporter) superseded(aside string, t token.Secret, since time.Time) bool {
	return in.everyReader(tokenfile.OriginalName(aside), func(r agent.Registration) bool { return in.agent.Superseded(r, t, since) })
}

// everyReader reports whether the file at path has readers and is returns true for each.
func (in *tokenImporter) everyReader(path string, is func(agent.Registration) bool) bool {
	all := readers(in.agent.Settings(), path)
	return len(all) > 0 && !slices.ContainsFunc(all, func(r agent.Registration) bool { return !is(r) })
}

// withMountHint adds the next step to the error of a file that cannot be removed.
func withMountHint(err error) error {
	if errors.Is(err, tokenfile.ErrUnremovable) {
		return fmt.Errorf("%w; after registration, remove the secret from the definition of the container or unit", err)
	}
	return err
}

// removeProven removes an unproven file after the service has accepted its registration
// token. Until then it returns [tokenfile.ErrAwaitingRemoval].
func (in *tokenImporter) removeProven(ctx context.Context, path string) error {
	secret, seen, err := tokenfile.Read(path, token.ParseRegistration)
	switch {
	case errors.Is(err, tokenfile.ErrNotPermitted):
		return fmt.Errorf("it is kept, since its registration token may be incomplete; regentd may not open it. After the first redemption, run: %s --file %s --erase: %w", fault.Commands("sudo regent register"), tokenfile.OriginalName(path), tokenfile.Reason(err))
	case err != nil:
		return tokenfile.Reason(err)
	}
	switch {
	case in.agent.HasRedeemed(secret):
	case in.superseded(path, secret, seen.ChangedAt()):
		in.log.WarnContext(ctx, "the service has accepted a newer registration token; the file is kept, delete it if you do not need it", "path", path)
		return nil // until the file changes
	case len(tokenfile.ListAside(tokenfile.OriginalName(path))) == 1 && in.agent.LacksRegistration(secret):
		return fmt.Errorf("%w: the store does not contain its registration token. To use it, run: %s --file %s; otherwise delete the file", tokenfile.ErrAwaitingRemoval, fault.Commands("sudo regent register"), path)
	default:
		return fmt.Errorf("it is kept until the service has accepted its registration token: %s; %s: %w",
			cmp.Or(token.FormatWarning(secret), maybeRemainder), joinHint(tokenfile.OriginalName(path)), tokenfile.ErrAwaitingRemoval)
	}
	if err := tokenfile.ClearAside(path, seen); err != nil {
		return fmt.Errorf("the service has accepted the token, but the file is not deleted: %w", withMountHint(tokenfile.Reason(err)))
	}
	in.log.InfoContext(ctx, "removed the file of a registration token: the service has accepted the token", "path", path)
	in.warnOfLinks(ctx, path, seen)
	return nil
}

// joinHint returns the next step for the unproven files of path.
func joinHint(path string) string {
	const right = "if it is the wrong one, delete this file and give the right one"
	all := tokenfile.ListAside(path)
	if len(all) < 2 {
		return right
	}
	if runtime.GOOS == "windows" {
		return fmt.Sprintf("if these files are parts of one token, join them without line ends: %s; %s", strings.Join(all, " "), right)
	}
	return fmt.Sprintf("if these files are parts of one token, join them: sudo sh -c \"umask 077; cat %s | tr -d '\\r\\n' > %s\"; %s", strings.Join(all, " "), path, right)
}

func (in *tokenImporter) sealToken(ctx context.Context, path string, secret token.Secret) error {
	for _, r := range readers(in.agent.Settings(), path) {
		r.Token, r.Source = secret, "file "+path
		if _, err := in.agent.RegisterAsDaemon(ctx, r); err != nil {
			return fmt.Errorf("the token was not sealed, and the file is unchanged: %w", err)
		}
	}
	return nil
}

// readers returns the registrations that the configuration names the file at path for.
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

// unregisteredFile has the fingerprints of registration tokens that regentd must not import
// again. A person unregistered the device, but systemd's credential and a container's
// secret come back at each start.
const unregisteredFile = "unregistered"

// credentialToken returns the registration token of the systemd credential, if any.
func credentialToken() (t token.Secret, ok bool, err error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return token.Secret{}, false, nil
	}
	t, err = tokenfile.Credential(dir, registrationCredential, token.ParseRegistration)
	if errors.Is(err, tokenfile.ErrMissing) || errors.Is(err, tokenfile.ErrEmpty) {
		return token.Secret{}, false, nil
	}
	if err != nil {
		return token.Secret{}, false, err
	}
	return t, true, nil
}

// saveUnregistered writes the fingerprints of the credential and of those files that
// cannot be removed.
func (o *options) saveUnregistered(files []string) error {
	var unwanted []string
	if t, ok, err := credentialToken(); ok && err == nil {
		unwanted = append(unwanted, token.Fingerprint(t))
	}
	for _, path := range files {
		if !tokenfile.IsUnremovable(path) {
			continue
		}
		if t, _, err := tokenfile.Read(path, token.ParseRegistration); err == nil {
			unwanted = append(unwanted, token.Fingerprint(t))
		}
	}
	if len(unwanted) == 0 {
		return nil
	}
	path := filepath.Join(o.stateDir, unregisteredFile)
	if err := os.WriteFile(path, []byte(strings.Join(unwanted, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("record that this device was unregistered: %w", err)
	}
	return nil
}

// isUnregistered reports whether the registration token with one of these fingerprints was
// present when the device was unregistered.
func (o *options) isUnregistered(names []string) (bool, error) {
	b, err := os.ReadFile(filepath.Join(o.stateDir, unregisteredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unwanted := strings.Fields(string(b))
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(unwanted, name) }), err
}

// removeAside removes the unproven files beside files, and returns those that it could not
// remove.
func removeAside(files []string) (left []string) {
	for _, path := range files {
		for _, aside := range tokenfile.ListAside(path) {
			if err := os.Remove(aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
				left = append(left, aside)
			}
		}
	}
	return left
}
