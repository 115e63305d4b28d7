package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"regent/agent/redeem"
	"regent/agent/token"
	"regent/platform/tokenfile"
)

// unregisteredFile names the credential that was there when a person
// unregistered the device: systemd hands it over again at each start, and it is
// not what the person wants any more.
const unregisteredFile = "unregistered"

// credentialToken returns the registration token that systemd hands over, if any.
func credentialToken() (t token.Secret, ok bool, err error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return token.Secret{}, false, nil
	}
	b, err := tokenfile.Credential(dir, registrationCredential)
	if errors.Is(err, tokenfile.ErrMissing) || errors.Is(err, tokenfile.ErrEmpty) {
		return token.Secret{}, false, nil
	}
	if err != nil {
		return token.Secret{}, false, err
	}
	return token.NewSecret(string(b)), true, nil
}

// remember notes which credential is not to be taken again, by its fingerprint.
func (o *options) remember() error {
	t, ok, err := credentialToken()
	if err != nil || !ok {
		return err
	}
	path := filepath.Join(o.stateDir, unregisteredFile)
	if err := os.WriteFile(path, []byte(redeem.Fingerprint(t)+"\n"), 0o600); err != nil {
		return fmt.Errorf("note that this device was unregistered: %w", err)
	}
	return nil
}

// givenUp reports whether t is the credential of a device that was unregistered.
func (o *options) givenUp(t token.Secret) (bool, error) {
	b, err := os.ReadFile(filepath.Join(o.stateDir, unregisteredFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return string(b) == redeem.Fingerprint(t)+"\n", err
}
