package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"regent/agent/token"
)

// passphraseBytes is the least that a passphrase of a bundle has: it may lie
// about for as long as its registration tokens live.
const passphraseBytes = 12

// bundling is where the tokens of --per-recipient go together, encrypted.
type bundling struct {
	file       string // "" for a file each
	recipients string // file of age recipients; "" for a passphrase
	passphrase string // file with the passphrase; "" to ask
}

// check refuses what contradicts itself.
func (b bundling) check(perRecipient bool) error {
	switch {
	case b.file == "" && (b.recipients != "" || b.passphrase != ""):
		return usagef("--recipients-file and --passphrase-file are for --bundle FILE")
	case b.file != "" && !perRecipient:
		return usagef("--bundle is for --per-recipient")
	case b.recipients != "" && b.passphrase != "":
		return usagef("--recipients-file and --passphrase-file exclude each other: a bundle is for keys, or for a passphrase")
	}
	return nil
}

// keys returns whom a bundle is for, before anything is made.
func (t *tool) keys(ctx context.Context, b bundling) ([]age.Recipient, error) {
	if b.recipients != "" {
		return recipientsIn(ctx, b.recipients)
	}
	passphrase, err := t.passphrase(ctx, b)
	if err != nil {
		return nil, err
	}
	if len(reveal(passphrase)) < passphraseBytes {
		return nil, usagef("the passphrase of a bundle needs at least %d characters", passphraseBytes)
	}
	r, err := age.NewScryptRecipient(reveal(passphrase))
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	if t.work > 0 {
		r.SetWorkFactor(t.work)
	}
	return []age.Recipient{r}, nil
}

// recipientsIn reads a file of age recipients. Its errors quote nothing: people
// put the secret key where the public one belongs.
func recipientsIn(ctx context.Context, name string) ([]age.Recipient, error) {
	content, _, err := readFile(ctx, name)
	if err != nil {
		return nil, usagef("--recipients-file %s: %v", name, bare(err))
	}
	if bytes.Contains(content, []byte("AGE-SECRET-KEY-")) {
		return nil, usagef("--recipients-file %s: holds a secret key; write the public one, which begins with age1 (age-keygen -y prints it)", name)
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return nil, usagef("--recipients-file %s: is UTF-16 text or no text; save it as UTF-8", name)
	}
	var keys []age.Recipient
	for i, line := range strings.Split(string(bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := age.ParseRecipients(strings.NewReader(line))
		if err != nil {
			return nil, usagef("--recipients-file %s:%d: is no age recipient; write one that begins with age1 on each line", name, i+1)
		}
		keys = append(keys, key...)
	}
	if len(keys) == 0 {
		return nil, usagef("--recipients-file %s: holds no age recipients; write one that begins with age1 on each line", name)
	}
	return keys, nil
}

// bare is err without the operation and the path: the message names the file.
func bare(err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return cause.Err
	}
	return err
}

func (t *tool) passphrase(ctx context.Context, b bundling) (token.Secret, error) {
	if b.passphrase != "" {
		return t.secretFile(ctx, "--passphrase-file", b.passphrase)
	}
	if !t.terminal {
		return token.Secret{}, usagef("stdin is not a terminal, so no passphrase can be asked for: add --passphrase-file or --recipients-file")
	}
	first, err := t.password(ctx, "Passphrase of the bundle: ")
	if err != nil {
		return token.Secret{}, fmt.Errorf("read the passphrase: %w", err)
	}
	again, err := t.password(ctx, "Once more: ")
	if err != nil {
		return token.Secret{}, fmt.Errorf("read the passphrase: %w", err)
	}
	if !first.Equal(again) {
		return token.Secret{}, usagef("the two passphrases differ")
	}
	return first, nil
}

// bundle collects tokens in memory, and is written whole, or not at all: an
// archive of a file for each recipient, as --out-dir has them.
type bundle struct {
	name string
	keys []age.Recipient
	in   []bundled
	at   time.Time
}

type bundled struct {
	name  string
	token token.Secret
}

// newBundle refuses a name that is taken.
func (t *tool) newBundle(ctx context.Context, b bundling) (*bundle, error) {
	if _, err := os.Lstat(b.file); err == nil {
		return nil, usagef("--bundle %s: is there already; remove it or name another", b.file)
	}
	if info, err := os.Stat(filepath.Dir(b.file)); err != nil || !info.IsDir() {
		return nil, usagef("--bundle %s: there is no such directory", b.file)
	}
	keys, err := t.keys(ctx, b)
	if err != nil {
		return nil, err
	}
	return &bundle{name: b.file, keys: keys, at: t.now()}, nil
}

// keep implements [tokens].
func (b *bundle) keep(r recipient, secret token.Secret) (string, error) {
	name := r.name + tokenSuffix
	b.in = append(b.in, bundled{name, secret})
	return name, nil
}

// kept implements [tokens]. It is nothing: a bundle is new, and an earlier one is encrypted.
func (*bundle) kept(recipient) token.Secret { return token.Secret{} }

// close implements [tokens]. What is not whole is not written: the command can
// be repeated, and takes the tokens from the service's list then.
func (b *bundle) close(whole bool) (string, error) {
	if !whole {
		return "; no bundle was written", nil
	}
	f, err := os.CreateTemp(filepath.Dir(b.name), ".bundle-*") // mode 0600
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(f.Name()) }() // it has its other name now, or is of no use
	if err := errors.Join(b.encrypt(f), f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("--bundle: %w", err)
	}
	if err := place(f.Name(), b.name); err != nil {
		return "", fmt.Errorf("--bundle %s: %w; nothing is lost: repeat the command with another name", b.name, bare(err))
	}
	return "; all in " + b.name, nil
}

func (b *bundle) encrypt(w io.Writer) error {
	sealed, err := age.Encrypt(w, b.keys...)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(sealed)
	for _, one := range b.in {
		text := reveal(one.token)
		if err := archive.WriteHeader(&tar.Header{Name: one.name, Mode: 0o600, Size: int64(len(text)), ModTime: b.at.UTC().Truncate(time.Second)}); err != nil {
			return err
		}
		if _, err := io.WriteString(archive, text); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), sealed.Close())
}

// place gives a file its name, unless something has it already.
func place(temporary, name string) error {
	if err := os.Link(temporary, name); err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// A file system without hard links: a moment in which somebody else could
	// take the name is all that is lost.
	if _, err := os.Lstat(name); err == nil {
		return fs.ErrExist
	}
	return os.Rename(temporary, name)
}
