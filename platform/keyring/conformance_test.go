package keyring

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	ring "github.com/99designs/keyring"
)

// TestConformance holds every keyring that this machine can host to the same. The
// real ones are named by REGENT_TEST_KEYRING, as .ci/keyrings does that starts
// them; one that is named and not there is a failure.
func TestConformance(t *testing.T) {
	t.Run("fake", func(t *testing.T) {
		k := fakeKeyring(&fakeItem{}, 0)
		testConformance(t, func() *Keyring { return k })
	})
	t.Run("library in memory", func(t *testing.T) {
		lib := ring.NewArrayKeyring(nil)
		testConformance(t, func() *Keyring { return newSystem(lib) })
	})
	t.Run(File, func(t *testing.T) {
		state := t.TempDir() + "/state"
		if err := os.Mkdir(state, 0o700); err != nil {
			t.Fatal(err)
		}
		testConformance(t, func() *Keyring { return openFile(t, state) })
	})
	kind := os.Getenv("REGENT_TEST_KEYRING")
	if kind == "" {
		t.Log("not run: the keyrings of systems and sessions; make keyrings starts those that it can")
		return
	}
	t.Run(kind, func(t *testing.T) {
		state := t.TempDir()
		testConformance(t, func() *Keyring {
			k, err := Open(Options{Kind: kind, StateDir: state, CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY")})
			if err != nil {
				t.Fatal(err)
			}
			if credential := os.Getenv("REGENT_TEST_CREDENTIAL"); !strings.Contains(k.Description(), credential) {
				t.Fatalf("it does not use the credential %s: %s", credential, k.Description())
			}
			return k
		})
	})
}

// testConformance lives a key's life. open makes what the next process would have.
func testConformance(t *testing.T, open func() *Keyring) {
	k := open()
	if _, err := k.Key(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Fatalf("Key of none: got %v, want %v", err, ErrNoKey)
	}
	made := create(t, k)
	wantKey(t, open(), made)
	if _, err := k.Create(t.Context()); !errors.Is(err, ErrExists) {
		t.Errorf("Create over a key: got %v, want %v", err, ErrExists)
	}
	other := bytes.Repeat([]byte{7}, keySize)
	if err := k.Replace(t.Context(), other); err != nil {
		t.Errorf("Replace: %v", err)
	}
	wantKey(t, open(), other)
	if err := k.Replace(t.Context(), other[1:]); err == nil {
		t.Error("Replace by a short key: got no error")
	}
	testMarkConformance(t, open)
	for range 2 {
		if err := errors.Join(k.Delete(t.Context()), k.DeleteMark(t.Context())); err != nil {
			t.Errorf("Forget: %v", err)
		}
	}
	if _, err := open().Key(t.Context()); !errors.Is(err, ErrNoKey) {
		t.Errorf("Key after Forget: got %v, want %v", err, ErrNoKey)
	}
	if _, err := open().LoadMark(t.Context()); !errors.Is(err, ErrNoMark) {
		t.Errorf("LoadMark after Forget: got %v, want %v", err, ErrNoMark)
	}
}

func testMarkConformance(t *testing.T, open func() *Keyring) {
	t.Helper()
	if _, err := open().LoadMark(t.Context()); !errors.Is(err, ErrNoMark) {
		t.Errorf("LoadMark of none: got %v, want %v", err, ErrNoMark)
	}
	for _, want := range [][]byte{[]byte("one\x00\xff"), bytes.Repeat([]byte{0xfe}, 100), []byte("two")} {
		if err := open().SaveMark(t.Context(), want); err != nil {
			t.Errorf("SaveMark: %v", err)
		}
		if got, err := open().LoadMark(t.Context()); err != nil || !bytes.Equal(got, want) {
			t.Errorf("LoadMark: got %q, %v, want %q", got, err, want)
		}
	}
}

func wantKey(t *testing.T, k *Keyring, want []byte) {
	t.Helper()
	if got, err := k.Key(t.Context()); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Key: got another one, %v", err)
	}
}

// TestMarkSurvivesStateDirRestore puts an older state directory back.
func TestMarkSurvivesStateDirRestore(t *testing.T) {
	for name, prepare := range map[string]func(string) error{
		"a file beside it":                   func(string) error { return nil },
		"in a directory that a package made": func(state string) error { return os.Mkdir(state+".mark", 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir() + "/state"
			if err := errors.Join(os.Mkdir(state, 0o700), prepare(state)); err != nil {
				t.Fatal(err)
			}
			if err := openFile(t, state).SaveMark(t.Context(), []byte("mark")); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.RemoveAll(state), os.Mkdir(state, 0o700)); err != nil {
				t.Fatal(err)
			}
			if got, err := openFile(t, state).LoadMark(t.Context()); err != nil || string(got) != "mark" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// TestLockedKeyring is for a keyring that somebody would have to unlock: it is
// asked in vain, in time, and nothing is made.
func TestLockedKeyring(t *testing.T) {
	kind := os.Getenv("REGENT_TEST_LOCKED")
	if kind == "" {
		t.Skip("not run: needs a keyring that is locked; make keyrings starts one")
	}
	k, err := Open(Options{Kind: kind, StateDir: t.TempDir(), Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Create(t.Context()); err == nil {
		t.Error("a key was made in a locked keyring")
	}
}
