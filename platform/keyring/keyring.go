// Package keyring keeps the data key in a keyring of the system, or in a file.
//
// It does not know what the key is for. It is the only package that may import
// 99designs/keyring. That library looks for a session bus as soon as it is linked in,
// does not stop waiting for a prompt that nobody sees, and writes its file in place.
// Here every call ends in time, and a key file appears whole or not at all.
package keyring

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	ring "github.com/99designs/keyring"
)

var (
	// ErrNoKey means that the keyring holds no data key.
	ErrNoKey = errors.New("keyring: there is no data key")
	// ErrLocked means that the keyring does not give the data key now.
	ErrLocked = errors.New("keyring: locked, or does not answer")
	// ErrNoMark means that the keyring holds no mark.
	ErrNoMark = errors.New("keyring: there is no mark")
	// ErrNotFound means that the keyring holds nothing of that name.
	ErrNotFound = errors.New("keyring: nothing of that name")
	// ErrExists means that a data key cannot be made, because there is one.
	ErrExists = errors.New("keyring: there is a data key already")
)

// The kinds of keyring. All but Auto are also what [Keyring.Kind] returns.
const (
	Auto          = "auto" // the system's own for a service, else File
	File          = "file"
	WinCred       = "windows-credential-manager"
	Keychain      = "keychain"
	SecretService = "secret-service"
	KWallet       = "kwallet"
)

const (
	keySize        = 32
	itemName       = "data-key"
	markItem       = "mark"
	itemPrefix     = "regent data key 1: " // then base64; a later form has another number
	maxItem        = 2560                  // bytes; what a Windows credential can hold
	defaultTimeout = 10 * time.Second
)

// Options say which keyring to use.
type Options struct {
	Kind     string // one of the kinds; "" is Auto
	StateDir string // the file keyring is in it, the others name their item after it
	// CredentialsDir is where systemd puts the unit's credentials
	// ($CREDENTIALS_DIRECTORY), or "".
	CredentialsDir string
	// CredentialSealer is what seals the credential that holds the passphrase, for
	// people; "" if that is not known.
	CredentialSealer Sealer
	Timeout          time.Duration // of each call; 0 is 10 s
	// Translate puts the error of a call into the words of who uses the keyring; nil
	// leaves it as it is.
	Translate func(error) error
}

// item is a secret in a keyring. Its methods are called by one goroutine at a time, and
// may block for ever.
type item interface {
	get() ([]byte, error)  // ErrNotFound if there is none
	set(data []byte) error // in place of what is there, in one step
	remove() error         // with all that was set aside; no item is no error
}

// keyItem is the item of the data key.
type keyItem interface {
	item
	setAside() error // what is in its place becomes NAME.corrupt-N; nothing there is no error
}

// Keyring keeps one data key and the mark. A restore of the state directory does not change
// them. It is safe for concurrent use.
type Keyring struct {
	kind, description string
	key               keyItem
	mark              item
	timeout           time.Duration
	translate         func(error) error
	lock              chan struct{} // holds one token while a call is under way
}

// Open chooses the keyring. It asks it for nothing yet.
func Open(o Options) (*Keyring, error) {
	if o.Timeout < 0 {
		return nil, fmt.Errorf("keyring: timeout %s is below 0", o.Timeout)
	}
	if o.StateDir == "" {
		return nil, errors.New("keyring: no state directory is given")
	}
	var err error
	if o.StateDir, err = filepath.Abs(o.StateDir); err != nil { // it is part of an item's name
		return nil, fmt.Errorf("keyring: state directory: %w", err)
	}
	k := newKeyring(o.Kind, o.Timeout)
	k.translate = o.Translate
	if k.kind == "" || k.kind == Auto {
		k.kind = chooseKind(ring.AvailableBackends())
	}
	if k.kind == File {
		f := newFileKeyring(o)
		k.key, k.mark, k.description = f, markFile(o.StateDir), f.description()
		return k, nil
	}
	s, err := systemKind(k.kind)
	if err != nil {
		return nil, err
	}
	all := &systemItems{open: s.opener("regent", true), label: "Regent ", description: "of the agent's sealed records", limit: maxItem}
	k.key, k.mark, k.description = all.item(itemName+" "+o.StateDir), all.item(markItem+" "+o.StateDir), s.description
	return k, nil
}

func newKeyring(kind string, timeout time.Duration) *Keyring {
	return &Keyring{kind: kind, timeout: cmp.Or(timeout, defaultTimeout), lock: make(chan struct{}, 1)}
}

// chooseKind is what Auto means, given what the library can do here.
func chooseKind(available []ring.BackendType) string {
	for _, s := range systemKinds {
		if s.ofService && slices.Contains(available, s.lib) {
			return s.kind
		}
	}
	return File
}

// Kind says in a word what guards the key: one of the kinds.
func (k *Keyring) Kind() string { return k.kind }

// Description says in a sentence what that means.
func (k *Keyring) Description() string { return k.description }

// Key returns the data key, or an error that wraps [ErrNoKey] when there is none
// or [ErrLocked] when there is no answer in time. Any other error means that
// something is there and is no key. Key never makes one.
func (k *Keyring) Key(ctx context.Context) ([]byte, error) {
	return call(ctx, k, "read the data key", k.load)
}

// Create makes the data key and returns it once it is durable. It fails with
// [ErrExists] if there is one. Material that holds no whole key is put aside as
// NAME.corrupt-N where it is a file.
func (k *Keyring) Create(ctx context.Context) ([]byte, error) {
	return call(ctx, k, "make the data key", k.create)
}

// Replace keeps key, of 32 bytes, in place of the data key that there is, in one
// step: after a crash it is the one or the other.
func (k *Keyring) Replace(ctx context.Context, key []byte) error {
	if len(key) != keySize {
		return fmt.Errorf("keyring: replace the data key: it has %d bytes, want %d", len(key), keySize)
	}
	return k.do(ctx, "replace the data key", func() error { return k.key.set(encode(key)) })
}

// LoadMark returns the mark, or an error that wraps [ErrNoMark].
func (k *Keyring) LoadMark(ctx context.Context) ([]byte, error) {
	return call(ctx, k, "read the mark", func() ([]byte, error) { return get(k.mark, ErrNoMark) })
}

// SaveMark keeps mark, a small sealed text, out of the reach of a restore of the
// state directory: in the keyring, or with a file keyring beside the directory.
func (k *Keyring) SaveMark(ctx context.Context, mark []byte) error {
	return k.do(ctx, "keep the mark", func() error { return k.mark.set(mark) })
}

// DeleteMark removes the mark. No mark is no error.
func (k *Keyring) DeleteMark(ctx context.Context) error {
	return k.do(ctx, "remove the mark", k.mark.remove)
}

// Delete destroys the data key and what was put aside of earlier ones. No key is
// no error.
func (k *Keyring) Delete(ctx context.Context) error {
	return k.do(ctx, "destroy the data key", k.key.remove)
}

// get returns the content of an item; none is the error if there is no such item.
func get(i item, none error) ([]byte, error) {
	data, err := i.get()
	if errors.Is(err, ErrNotFound) {
		return nil, none
	}
	return data, err
}

func (k *Keyring) load() ([]byte, error) {
	data, err := get(k.key, ErrNoKey)
	if err != nil {
		return nil, err
	}
	return decode(data)
}

func (k *Keyring) create() ([]byte, error) {
	if _, err := k.load(); err == nil {
		return nil, ErrExists
	}
	key := make([]byte, keySize)
	rand.Read(key) // it never fails
	if err := k.key.setAside(); err != nil {
		return nil, err
	}
	if err := k.key.set(encode(key)); err != nil {
		return nil, err
	}
	// A keyring that says it kept the key is believed once it gives it back.
	back, err := k.load()
	if err != nil {
		return nil, fmt.Errorf("read it back: %w", err)
	}
	if !bytes.Equal(back, key) {
		return nil, errors.New("read it back: the keyring gives another one")
	}
	return key, nil
}

func (k *Keyring) do(ctx context.Context, op string, f func() error) error {
	_, err := call(ctx, k, op, func() ([]byte, error) { return nil, f() })
	return err
}

// call makes one call to the backend in a goroutine of its own and waits as long
// as ctx and the timeout allow. A backend that never answers keeps that one
// goroutine, and all later calls end with [ErrLocked] instead of adding to it.
func call(ctx context.Context, k *Keyring, op string, f func() ([]byte, error)) (_ []byte, err error) {
	defer func() {
		if err != nil && k.translate != nil {
			err = k.translate(err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	type result struct {
		key []byte
		err error
	}
	done := make(chan result, 1)
	select {
	case k.lock <- struct{}{}:
	case <-ctx.Done():
		return nil, k.timeoutError(ctx, op)
	}
	go func() {
		defer func() { <-k.lock }()
		key, err := recoverPanic(f)
		done <- result{key, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return nil, fmt.Errorf("keyring %s: %s: %w", k.kind, op, r.err)
		}
		return r.key, nil
	case <-ctx.Done():
		return nil, k.timeoutError(ctx, op)
	}
}

// timeoutError is the error of a call that ctx ended.
func (k *Keyring) timeoutError(ctx context.Context, op string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("keyring %s: %s: no answer within %s, it may be waiting for someone to unlock it: %w", k.kind, op, k.timeout, ErrLocked)
	}
	return fmt.Errorf("keyring %s: %s: %w", k.kind, op, ctx.Err())
}

// recoverPanic makes an error of a panic: damaged files go through the library's
// decoder, and they must not end the daemon.
func recoverPanic(f func() ([]byte, error)) (key []byte, err error) {
	defer func() {
		if recover() != nil { // what it says could hold key material
			key, err = nil, errors.New("[unexpected] the keyring's library panicked")
		}
	}()
	return f()
}

// encode returns the item that holds the key.
func encode(key []byte) []byte {
	return append([]byte(itemPrefix), base64.StdEncoding.EncodeToString(key)...)
}

// decode is the inverse of encode. Its errors show nothing of the item. What is
// encoded otherwise was altered: base64 is read with line ends anywhere in it.
func decode(item []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(item, []byte(itemPrefix))
	if !ok {
		return nil, errors.New("the item is no data key of this release")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(key) != keySize || !bytes.Equal(encode(key), item) {
		return nil, errors.New("the item is damaged")
	}
	return key, nil
}
