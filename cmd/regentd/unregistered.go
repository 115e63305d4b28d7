package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"regent/agent/token"
	"regent/platform/tokenfile"
)

// unregisteredFile names, by their fingerprints, the registration tokens that
// were there when a person unregistered the device and that nobody here can erase:
// systemd's credential and a container's secret come again at each start, and are
// not what the person wants any more.
const unregisteredFile = "unregistered"

// credentialToken returns the registration token that systemd hands over, if any.
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

// saveUnregistered notes which of the files and which credential are not to be taken
// again, by their fingerprints.
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
		return fmt.Errorf("note that this device was unregistered: %w", err)
	}
	return nil
}

// isUnregistered reports whether the registration token with the names was there when the
// device was unregistered.
func (o *options) isUnregistered(names []string) (bool, error) {
	b, err := os.ReadFile(filepath.Join(o.stateDir, unregisteredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	unwanted := strings.Fields(string(b))
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(unwanted, name) }), err
}

// removeAside removes the files that were set aside beside files, and returns
// those that are left.
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
