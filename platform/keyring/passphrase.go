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

// passphrase is where the file keyring's passphrase comes from.
type passphrase struct {
	path     string
	external bool // by the service manager; never made here
}

// read returns the passphrase. What is not a whole one is an error.
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
		return "", fmt.Errorf("passphrase: %s is not what was generated", p.path)
	}
	return string(text), nil
}

// look refuses a passphrase that others may read. A credential may have an access list,
// which shows as group bits, but only the service can enter its directory.
func (p passphrase) look(path string) (fs.FileInfo, error) {
	i, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	_, others, err := files.ModeAccess(i)
	if err == nil && !p.external && others != 0 {
		err = fmt.Errorf("has mode %#o and others may read it; run: chmod 600 %s", i.Mode().Perm(), path)
	}
	return i, err
}

// ensure makes the passphrase if it is ours to make and there is none. What is
// in its place and is none is put aside.
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

// isGenerated reports whether the text is whole: one that was cut short by a
// crash would lock the key away as soon as it is mended.
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
