package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"

	"regent/agent/tms/admin"
	"regent/agent/token"
	"regent/platform/files"
)

// passphraseBytes is the least that a passphrase of a bundle has: it may lie
// about for as long as its registration tokens live.
const passphraseBytes = 12

// bundleFlags is where the tokens of --per-recipient go together, encrypted.
type bundleFlags struct {
	file       string // "" for a file each
	recipients string // file of age recipients; "" for a passphrase
	passphrase string // file with the passphrase; "" to ask
}

// bundleRecipients returns the keys that open a bundle, before a token is created.
func (t *tool) bundleRecipients(ctx context.Context, b bundleFlags) ([]age.Recipient, error) {
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
		return nil, usagef("--recipients-file %s: %v", name, withoutPath(err))
	}
	if bytes.Contains(content, []byte("AGE-SECRET-KEY-")) {
		return nil, usagef("--recipients-file %s: contains a secret key; write the public one, as age-keygen -y prints it", name)
	}
	text, err := token.DecodeText(content)
	if err != nil {
		return nil, usagef("--recipients-file %s: %v", name, err)
	}
	var keys []age.Recipient
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := age.ParseRecipients(strings.NewReader(line))
		if err != nil {
			return nil, usagef("--recipients-file %s:%d: not an age recipient; write one that begins with age1 on each line", name, i+1)
		}
		keys = append(keys, key...)
	}
	if len(keys) == 0 {
		return nil, usagef("--recipients-file %s: no age recipients in it; write one that begins with age1 on each line", name)
	}
	return keys, nil
}

// withoutPath is err without the operation and the path: the message names the file.
func withoutPath(err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		return cause.Err
	}
	return err
}

func (t *tool) passphrase(ctx context.Context, b bundleFlags) (token.Secret, error) {
	if b.passphrase != "" {
		return t.secretFile(ctx, "--passphrase-file", b.passphrase)
	}
	if !t.terminal {
		return token.Secret{}, usagef("stdin is not a terminal, so tmsctl cannot ask for the passphrase: add --passphrase-file or --recipients-file")
	}
	first, err := t.password(ctx, "Passphrase of the bundle: ")
	again := first
	if err == nil {
		again, err = t.password(ctx, "Once more: ")
	}
	switch {
	case err != nil:
		return token.Secret{}, fmt.Errorf("read the passphrase: %w", err)
	case !first.Equal(again):
		return token.Secret{}, usagef("the two passphrases differ")
	}
	return first, nil
}

// bundle collects tokens in memory, and is written at the end: an archive of a file for
// each recipient, as --out-dir has them. Until then each token that was made is in a
// directory beside it, encrypted for the same keys: the service may show it only once.
type bundle struct {
	name string
	keys []age.Recipient
	in   []bundled
	at   time.Time

	parts []string // names of the parts that the bundle makes needless
}

// bundled is a file of the bundle. The content of a part is encrypted once more.
type bundled struct {
	name    string
	content token.Secret
}

// partSuffix ends the name of a part.
const partSuffix = tokenSuffix + ".age"

// newBundle refuses a name that is taken.
func (t *tool) newBundle(ctx context.Context, b bundleFlags) (*bundle, error) {
	if _, err := os.Lstat(b.file); err == nil {
		return nil, usagef("--bundle %s: the file exists; name another file", b.file)
	}
	if info, err := os.Stat(filepath.Dir(b.file)); err != nil || !info.IsDir() {
		return nil, usagef("--bundle %s: there is no such directory", b.file)
	}
	keys, err := t.bundleRecipients(ctx, b)
	if err != nil {
		return nil, err
	}
	return &bundle{name: b.file, keys: keys, at: t.now()}, nil
}

// partsDir is the directory of the parts.
func (b *bundle) partsDir() string { return b.name + ".parts" }

// part is the name of a recipient's part. It names the registration token too: it may
// have been deleted and made again.
func (*bundle) part(r recipient, id string) string {
	id = url.QueryEscape(id)
	if len(id) > 64 {
		id = fmt.Sprintf("%x", sha256.Sum256([]byte(id)))
	}
	return r.name + "." + id + partSuffix
}

// reserve implements [tokens].
func (b *bundle) reserve(recipient) (*reserved, error) {
	if err := os.MkdirAll(b.partsDir(), 0o700); err != nil {
		return nil, err
	}
	return reserve(b.partsDir(), tokenSpace+len(b.keys)*256)
}

// store implements [tokens].
func (b *bundle) store(r recipient, is admin.RegistrationToken, into *reserved) (string, error) {
	part, file := b.part(r, is.ID), r.name+tokenSuffix
	content := is.Token
	switch {
	case content.IsZero(): // it is a part of an earlier run
		sealed, err := os.ReadFile(filepath.Join(b.partsDir(), part)) //nolint:gosec // its directory was named by the person
		if err != nil {
			return "", err
		}
		content, file = token.NewSecret(string(sealed)), r.name+partSuffix
	case into != nil:
		var sealed bytes.Buffer
		if err := b.seal(&sealed, reveal(content)); err != nil {
			return "", err
		}
		if err := into.keepAs(filepath.Join(b.partsDir(), part), sealed.Bytes()); err != nil {
			return "", err
		}
	}
	b.parts = append(b.parts, part) // if there is one
	b.in = append(b.in, bundled{file, content})
	return file, nil
}

// seal encrypts one text.
func (b *bundle) seal(w io.Writer, text string) error {
	sealed, err := age.Encrypt(w, b.keys...)
	if err != nil {
		return err
	}
	_, err = io.WriteString(sealed, text)
	return errors.Join(err, sealed.Close())
}

// stored implements [tokens]. Who has no secret key cannot read the part of an earlier run.
func (b *bundle) stored(r recipient, id string) (token.Secret, bool) {
	info, err := os.Lstat(filepath.Join(b.partsDir(), b.part(r, id)))
	return token.Secret{}, err == nil && info.Mode().IsRegular()
}

// close implements [tokens]. A bundle that is not whole is not written: the parts stay,
// and the command can be repeated.
func (b *bundle) close(whole bool) (string, error) {
	if !whole {
		return b.left(), nil
	}
	if err := b.write(); err != nil {
		return b.left(), fmt.Errorf("--bundle: %w", err)
	}
	said := "; all in " + b.name
	if slices.ContainsFunc(b.in, func(one bundled) bool { return strings.HasSuffix(one.name, partSuffix) }) {
		said += "\nDecrypt each NAME" + partSuffix + " in it once more: an earlier run encrypted it, and the service does not show it again"
	}
	for _, part := range b.parts {
		_ = os.Remove(filepath.Join(b.partsDir(), part)) // it is in the bundle, encrypted
	}
	_ = os.Remove(b.partsDir()) // unless it has something else
	return said, nil
}

// next implements [tokenSink].
func (b *bundle) next() string {
	identity := ""
	if len(b.keys) > 0 {
		if _, byPassphrase := b.keys[0].(*age.ScryptRecipient); !byPassphrase {
			identity = "--identity KEY "
		}
	}
	return fmt.Sprintf(`to open the bundle:
  age --decrypt %s%s | tar x
then, %s
  regent register --file NAME%s --erase
then delete the bundle:
  %s %[2]s
`, identity, quoted(b.name), onDevice, tokenSuffix, deleteCommand())
}

// left says where the tokens are as long as there is no bundle.
func (b *bundle) left() string {
	_ = os.Remove(b.partsDir()) // unless it has something
	if _, err := os.Lstat(b.partsDir()); err != nil {
		return "; no bundle was written"
	}
	return fmt.Sprintf("; no bundle was written. The created tokens are encrypted in %s", b.partsDir())
}

// write writes the archive, encrypted, unless something has its name already.
func (b *bundle) write() error {
	var plain, sealed bytes.Buffer
	archive := tar.NewWriter(&plain)
	for _, one := range b.in {
		text := reveal(one.content)
		if err := archive.WriteHeader(&tar.Header{Name: one.name, Mode: 0o600, Size: int64(len(text)), ModTime: b.at.UTC().Truncate(time.Second)}); err != nil {
			return err
		}
		if _, err := io.WriteString(archive, text); err != nil {
			return err
		}
	}
	if err := errors.Join(archive.Close(), b.seal(&sealed, plain.String())); err != nil {
		return err
	}
	if _, err := os.Lstat(b.name); err == nil {
		return fmt.Errorf("%s: the file exists", b.name)
	}
	return files.Write(b.name, sealed.Bytes(), 0o600)
}
