package keyring

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

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
	named, err := os.Lstat(p.path)
	if err != nil {
		return "", fmt.Errorf("passphrase: %w", err)
	}
	if !named.Mode().IsRegular() {
		return "", fmt.Errorf("passphrase: %s is not a regular file", p.path)
	}
	// A credential may carry an access list, which shows as group bits, and lies
	// where nobody else can go.
	_, others, err := files.ModeAccess(named)
	if err != nil {
		return "", fmt.Errorf("passphrase: %s: %w", p.path, err)
	}
	if !p.external && others != 0 {
		return "", fmt.Errorf("passphrase: %s has mode %#o and others may read it; run: chmod 600 %[1]s", p.path, named.Mode().Perm())
	}
	f, err := os.Open(p.path)
	if err != nil {
		return "", fmt.Errorf("passphrase: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPassphrase+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("passphrase: %w", err)
	}
	text = bytes.TrimRight(text, "\r\n")
	switch {
	case len(text) == 0:
		return "", fmt.Errorf("passphrase: %s is empty", p.path)
	case len(text) > maxPassphrase:
		return "", fmt.Errorf("passphrase: %s has more than %d bytes", p.path, maxPassphrase)
	case !p.external && !isGenerated(string(text)):
		return "", fmt.Errorf("passphrase: %s is not what was generated", p.path)
	}
	return string(text), nil
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

// escapeGlob makes a pattern that matches the path alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`*`, `[*]`, `?`, `[?]`, `[`, `[[]`).Replace(path)
}
