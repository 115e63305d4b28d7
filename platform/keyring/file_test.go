package keyring

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openFile(t *testing.T, state string) *Keyring {
	t.Helper()
	k, err := Open(Options{Kind: File, StateDir: state})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func create(t *testing.T, k *Keyring) []byte {
	t.Helper()
	key, err := k.Create(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestFileKeyIsDurable(t *testing.T) {
	state := t.TempDir()
	first := openFile(t, state)
	if _, err := first.Key(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Errorf("Key of none: got %v, want %v", err, ErrNoKey)
	}
	if entries, err := os.ReadDir(state); err != nil || len(entries) > 0 {
		t.Errorf("Key made %v, %v", entries, err)
	}
	key := create(t, first)
	next := openFile(t, state)
	if got, err := next.Key(t.Context()); err != nil || !bytes.Equal(got, key) {
		t.Errorf("the next process: got another key, %v", err)
	}
	if got, want := next.Kind(), File; got != want {
		t.Errorf("Guard: got %q, want %q", got, want)
	}
	if got := next.Description(); !strings.Contains(got, filepath.Join(state, passphraseFile)) {
		t.Errorf("Detail: %q does not name the file", got)
	}
	for path, want := range map[string]os.FileMode{
		"keyring": 0o700, "keyring/data-key": 0o600, "keyring.passphrase": 0o600,
	} {
		if i, err := os.Lstat(filepath.Join(state, path)); err != nil || i.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want mode %o", path, i, err, want)
		}
	}
	wantState(t, state, "keyring", "keyring.passphrase")
	if err := next.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantState(t, state)
	if err := next.Delete(t.Context()); err != nil {
		t.Errorf("Forget of no key: %v", err)
	}
}

// TestIncompleteMaterial is what crashes and accidents leave. Key says that it is
// none, and of another kind than no key where something is there; Create, which
// the agent calls only on a first run, replaces it and keeps it aside.
func TestIncompleteMaterial(t *testing.T) {
	item := filepath.Join(fileDirName, itemName)
	whole := func(t *testing.T, state string) { create(t, openFile(t, state)) }
	write := func(path, content string) func(*testing.T, string) {
		return func(t *testing.T, state string) {
			whole(t, state)
			must(t, os.WriteFile(filepath.Join(state, path), []byte(content), 0o600))
		}
	}
	tests := map[string]struct {
		make  func(t *testing.T, state string)
		none  bool     // Key says ErrNoKey
		aside []string // after Create
	}{
		"empty passphrase":      {write(passphraseFile, ""), false, []string{passphraseFile, item}},
		"passphrase cut short":  {write(passphraseFile, "c2hvcnQ"), false, []string{passphraseFile, item}},
		"passphrase of another": {write(passphraseFile, strings.Repeat("A", 43)+"\n"), false, []string{item}},
		"empty item":            {write(item, ""), false, []string{item}},
		"item of another kind":  {write(item, "eyJhbGciOiJub25lIn0.e30."), false, []string{item}},
		"item cut short":        {func(t *testing.T, state string) { whole(t, state); truncate(t, filepath.Join(state, item)) }, false, []string{item}},
		"no passphrase": {func(t *testing.T, state string) {
			whole(t, state)
			must(t, os.Remove(filepath.Join(state, passphraseFile)))
		}, false, []string{item}},
		"no item":              {func(t *testing.T, state string) { whole(t, state); must(t, os.Remove(filepath.Join(state, item))) }, true, nil},
		"item is a directory":  {func(t *testing.T, state string) { must(t, os.MkdirAll(filepath.Join(state, item), 0o700)) }, false, []string{item}},
		"item is a link":       {func(t *testing.T, state string) { whole(t, state); link(t, filepath.Join(state, item)) }, false, []string{item}},
		"passphrase is a link": {func(t *testing.T, state string) { whole(t, state); link(t, filepath.Join(state, passphraseFile)) }, false, []string{passphraseFile, item}},
		"others may read": {func(t *testing.T, state string) {
			whole(t, state)
			must(t, os.Chmod(filepath.Join(state, passphraseFile), 0o644))
		}, false, []string{passphraseFile, item}},
		"crash before the item": {func(t *testing.T, state string) {
			must(t, passphrase{path: filepath.Join(state, passphraseFile)}.ensure())
		}, true, nil},
		"crash before it moved":  {func(t *testing.T, state string) { must(t, os.MkdirAll(filepath.Join(state, newDir, itemName), 0o700)) }, true, nil},
		"crash in the directory": {func(t *testing.T, state string) { must(t, os.Mkdir(filepath.Join(state, fileDirName), 0o700)) }, true, nil},
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Run(name, func(t *testing.T) {
			tt, state := tests[name], t.TempDir()
			tt.make(t, state)
			k := openFile(t, state)
			if _, err := k.Key(t.Context()); err == nil || errors.Is(err, ErrNoKey) != tt.none || errors.Is(err, ErrLocked) {
				t.Errorf("Key: got %v, want ErrNoKey %t", err, tt.none)
			}
			key := create(t, k)
			if got, err := openFile(t, state).Key(t.Context()); err != nil || !bytes.Equal(got, key) {
				t.Errorf("Key afterwards: got another one, %v", err)
			}
			for _, path := range tt.aside {
				if _, err := os.Lstat(filepath.Join(state, path) + ".corrupt-1"); err != nil {
					t.Errorf("not kept aside: %v", err)
				}
			}
			if got, err := filepath.Glob(filepath.Join(state, "*", "*.corrupt-*")); err != nil || len(got) > 1 {
				t.Errorf("kept aside: %q, %v", got, err)
			}
			must(t, k.Delete(t.Context()))
			wantState(t, state)
		})
	}
}

// TestDamagedItemIsRefused flips bytes of the item's file, a few in each
// of its parts: every try costs a key derivation.
func TestDamagedItemIsRefused(t *testing.T) {
	state := t.TempDir()
	k := openFile(t, state)
	key := create(t, k)
	path := filepath.Join(state, fileDirName, itemName)
	content, err := os.ReadFile(path)
	must(t, err)
	for i := 0; i < len(content); i += 7 {
		damaged := bytes.Clone(content)
		damaged[i] ^= 1
		must(t, os.WriteFile(path, damaged, 0o600))
		got, err := k.Key(t.Context())
		if err == nil && !bytes.Equal(got, key) || errors.Is(err, ErrNoKey) {
			t.Fatalf("byte %d of %d: got another key, or %v", i, len(content), err)
		}
	}
}

func TestPassphraseFromACredential(t *testing.T) {
	state, credentials := t.TempDir(), t.TempDir()
	credential := filepath.Join(credentials, CredentialName)
	must(t, os.WriteFile(credential, []byte("from systemd\n"), 0o640))
	must(t, os.Chmod(credential, 0o640)) // the group's bits show its access list, whatever the umask
	k, err := Open(Options{StateDir: state, CredentialsDir: credentials})
	must(t, err)
	key := create(t, k)
	wantState(t, state, "keyring")
	if got := k.Description(); !strings.Contains(got, CredentialName) {
		t.Errorf("Detail: %q does not name the credential", got)
	}

	must(t, os.WriteFile(credential, []byte("another"), 0o600))
	if _, err := k.Key(t.Context()); err == nil || !strings.Contains(err.Error(), credential) {
		t.Errorf("another passphrase: got %v, want one that names %s", err, credential)
	}
	must(t, os.WriteFile(credential, nil, 0o600))
	if _, err := k.Key(t.Context()); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("empty passphrase: got %v", err)
	}
	must(t, os.WriteFile(credential, []byte("from systemd"), 0o600))
	if got, err := k.Key(t.Context()); err != nil || !bytes.Equal(got, key) {
		t.Errorf("the first passphrase again: got another key, %v", err)
	}
}

// TestCredentialsWithoutOurs is a unit that is given a registration token, and
// no passphrase.
func TestCredentialsWithoutOurs(t *testing.T) {
	state := t.TempDir()
	k, err := Open(Options{StateDir: state, CredentialsDir: t.TempDir()})
	must(t, err)
	create(t, k)
	wantState(t, state, "keyring", "keyring.passphrase")
}

func TestPathsAreEscaped(t *testing.T) {
	state := filepath.Join(t.TempDir(), "[a-z]*?")
	must(t, os.Mkdir(state, 0o700))
	must(t, os.WriteFile(filepath.Join(state, passphraseFile), nil, 0o600))
	k := openFile(t, state)
	create(t, k)
	must(t, k.Delete(t.Context()))
	wantState(t, state)
}

// truncate removes the last byte of a file.
func truncate(t *testing.T, path string) {
	t.Helper()
	i, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, i.Size()-1))
}

// link moves a file away and leaves a link to it.
func link(t *testing.T, path string) {
	t.Helper()
	away := filepath.Join(t.TempDir(), "away")
	must(t, os.Rename(path, away))
	must(t, os.Symlink(away, path))
}

func wantState(t *testing.T, state string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(state)
	must(t, err)
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("state directory: got %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
