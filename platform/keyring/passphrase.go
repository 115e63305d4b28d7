package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"regent/platform/files"
)

const (
	maxPassphrase  = 4 << 10 // bytes
	passphraseSize = 32      // random bytes of a generated one
)

// passphrase is the source of the file keyring's passphrase.
type passphrase struct {
	path     string
	external bool // from the service manager; never created here
}

// read returns the passphrase. An incomplete one is an error.
func (p passphrase) read() (string, error) {
	text, err := files.ReadRegular(p.path, maxPassphrase, p.look)
	if err != nil {
		return "", fmt.Errorf("passphrase: %s: %w", p.path, err)
	}
	text = bytes.TrimRight(text, "\r\n")
	switch {
	case len(text) == 0:
		return "", fmt.Errorf("passphrase: %s is empty", p.path)
	case !p.external && !isGenerated(string(text)):
		return "", fmt.Errorf("passphrase: %s is damaged", p.path)
	}
	return string(text), nil
}

// look returns an error if others may read the passphrase. A credential may have an access
// list, which shows as group bits. That is safe: only the service can enter its directory.
func (p passphrase) look(path string) (fs.FileInfo, error) {
	i, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	_, others, err := files.ModeAccess(i)
	if err == nil && !p.external && others != 0 {
		err = fmt.Errorf("has mode %#o, so others may read it; run: chmod 600 %s", i.Mode().Perm(), path)
	}
	return i, err
}

// ensure creates the passphrase file if there is none, but never an external passphrase. It
// sets an invalid file aside.
func (p passphrase) ensure() error {
	_, err := p.read()
	if err == nil || p.external {
		return err
	}
	if err := setAside(p.path); err != nil {
		return err
	}
	text := make([]byte, passphraseSize)
	rand.Read(text) // it never fails
	return files.Write(p.path, []byte(base64.RawURLEncoding.EncodeToString(text)+"\n"), 0o600)
}

// isGenerated reports whether the text is complete. A crash can cut it short. A key that
// was encrypted with the short text would be lost after a repair of the file.
func isGenerated(text string) bool {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return err == nil && len(b) == passphraseSize && base64.RawURLEncoding.EncodeToString(b) == text
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
