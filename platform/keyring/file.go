package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	ring "github.com/99designs/keyring"

	"regent/platform/files"
)

// Names in the state directory.
const (
	fileDirName    = "keyring"            // the library's directory, which contains the item
	newDir         = "keyring.new"        // a new item, before it is renamed
	passphraseFile = "keyring.passphrase" //nolint:gosec // a name, not a credential

	// CredentialName is the name of the systemd credential that contains the passphrase.
	CredentialName = "regent-keyring-passphrase" //nolint:gosec // a name, not a credential
)

// fileKeyring is the library's file backend: one item, encrypted with a passphrase. The
// passphrase is a systemd credential or, without one, a file next to the item.
type fileKeyring struct {
	state      string
	passphrase passphrase
	sealer     Sealer // of the credential; unused for a passphrase file
}

func newFileKeyring(o Options) *fileKeyring {
	f := &fileKeyring{state: o.StateDir, sealer: o.CredentialSealer, passphrase: passphrase{path: filepath.Join(o.StateDir, passphraseFile)}}
	if o.CredentialsDir == "" {
		return f
	}
	// A unit can have credentials but not this one. Then the passphrase is in the file.
	credential := filepath.Join(o.CredentialsDir, CredentialName)
	if _, err := os.Lstat(credential); !errors.Is(err, fs.ErrNotExist) {
		f.passphrase = passphrase{path: credential, external: true}
	}
	return f
}

func (f *fileKeyring) item() string { return filepath.Join(f.state, fileDirName, itemName) }

func (f *fileKeyring) get() ([]byte, error) {
	// The library follows links and blocks on a FIFO.
	switch i, err := os.Lstat(f.item()); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotFound
	case err != nil:
		return nil, err
	case !i.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", f.item())
	}
	lib, err := f.open(filepath.Dir(f.item()))
	if err != nil {
		return nil, err
	}
	item, err := lib.Get(itemName)
	if err != nil {
		return nil, fmt.Errorf("cannot decrypt %s with the passphrase in %s: %w", f.item(), f.passphrase.path, err)
	}
	return item.Data, nil
}

// set creates the item in a separate directory, since the library writes in place. Then it
// renames the item. A crash can leave an incomplete item there, which the next set deletes.
func (f *fileKeyring) set(data []byte) error {
	// The passphrase must be on disk before an item depends on it.
	if err := f.passphrase.ensure(); err != nil {
		return err
	}
	if err := f.makeDir(); err != nil {
		return err
	}
	fresh := filepath.Join(f.state, newDir)
	if err := f.makeItem(fresh, data); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(fresh, itemName), f.item()); err != nil {
		return err
	}
	if err := files.SyncDir(filepath.Dir(f.item())); err != nil {
		return err
	}
	return os.Remove(fresh)
}

func (f *fileKeyring) setAside() error { return setAside(f.item()) }

// makeItem creates the directory fresh with an item and syncs it. It first deletes the
// remains of an earlier attempt.
func (f *fileKeyring) makeItem(fresh string, data []byte) error {
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return err
	}
	lib, err := f.open(fresh)
	if err != nil {
		return err
	}
	if err := lib.Set(ring.Item{Key: itemName, Data: data}); err != nil {
		return err
	}
	return files.Sync(filepath.Join(fresh, itemName))
}

// makeDir creates the library's directory. It returns an error if another file is there.
func (f *fileKeyring) makeDir() error {
	dir := filepath.Dir(f.item())
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		return files.SyncDir(f.state)
	}
	if i, seen := os.Lstat(dir); seen == nil && i.IsDir() {
		return nil
	}
	return fmt.Errorf("%w; if it is not a directory, move it away", err)
}

func (f *fileKeyring) remove() error {
	for _, path := range []string{f.item(), filepath.Join(f.state, passphraseFile)} {
		for aside := range asideNames(path) {
			if err := ignoreMissing(os.Remove(aside)); err != nil {
				return err
			}
		}
		if err := ignoreMissing(os.Remove(path)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(f.state, newDir)); err != nil {
		return err
	}
	if err := ignoreMissing(os.Remove(filepath.Dir(f.item()))); err != nil {
		return err
	}
	return files.SyncDir(f.state)
}

func (f *fileKeyring) description() string {
	if f.passphrase.external {
		return fmt.Sprintf("a file (%s) with a passphrase from the systemd credential %s; %s", f.item(), CredentialName, f.sealer.description())
	}
	return fmt.Sprintf("a file that only the service's user and root can read (%s): anyone who can read the disk can read the tokens", f.passphrase.path)
}

// open opens the library's backend on a directory.
func (f *fileKeyring) open(dir string) (ring.Keyring, error) {
	phrase, err := f.passphrase.read()
	if err != nil {
		return nil, err
	}
	return ring.Open(ring.Config{
		AllowedBackends:  []ring.BackendType{ring.FileBackend},
		FileDir:          dir,
		FilePasswordFunc: ring.FixedStringPrompt(phrase),
	})
}

// setAside renames the file at path to path.corrupt-N. A missing file is not an error.
func setAside(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for to := range asideNames(path) {
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(path, to)
		}
	}
	return errTooManyAside(path)
}
