// Package keyring stores the data key in a keyring of the system, or in a file.
//
// It does not know the purpose of the key. It is the only package that may import
// 99designs/keyring. That library looks for a session bus as soon as it is linked. It can
// wait forever for an invisible prompt, and it writes its file in place. In this package
// every call has a timeout, and a key file is complete or absent.
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
	// ErrNoKey means that the keyring contains no data key.
	ErrNoKey = errors.New("there is no data key")
	// ErrLocked means that the keyring is locked or does not answer.
	ErrLocked = errors.New("unlock the keyring")
	// ErrNoMark means that the keyring contains no mark.
	ErrNoMark = errors.New("there is no mark")
	// ErrNotFound means that the keyring contains no item of that name.
	ErrNotFound = errors.New("the keyring has no item of that name")
	// ErrExists means that there is already a data key.
	ErrExists = errors.New("there is already a data key")
)

// The kinds of keyring. [Keyring.Kind] returns one of them, never Auto.
const (
	Auto          = "auto" // the system's keyring for services, else File
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
	itemPrefix     = "regent data key 1: " // then base64; another format gets another number
	maxItem        = 2560                  // bytes; the maximum of a Windows credential
	defaultTimeout = 10 * time.Second
)

// Options say which keyring to use.
type Options struct {
	Kind     string // "" is Auto
	StateDir string // contains the file keyring; part of the item's name in others
	// CredentialsDir is systemd's directory of the unit's credentials
	// ($CREDENTIALS_DIRECTORY), or "".
	CredentialsDir string
	// CredentialSealer is the Sealer of the credential, for messages; "" if unknown.
	CredentialSealer Sealer
	Timeout          time.Duration // of each call; 0 is 10 s
	// Translate converts the error of each call, for example to the caller's codes. nil
	// converts nothing.
	Translate func(error) error
}

// item is a secret in a keyring. Only one goroutine at a time calls its methods. They may
// block forever.
type item interface {
	get() ([]byte, error)  // ErrNotFound if there is none
	set(data []byte) error // replaces the content in one step
	remove() error         // also the copies set aside; no item is no error
}

// keyItem is the item of the data key.
type keyItem interface {
	item
	setAside() error // renames to NAME.corrupt-N; no item is no error
}

// Keyring stores one data key and one mark. A restore of the state directory does not
// change them. It is safe for concurrent use.
type Keyring struct {
	kind, description string
	key               keyItem
	mark              item
	timeout           time.Duration
	translate         func(error) error
	lock              chan struct{} // one element while a call runs
}

// Open selects the keyring. It does not access it yet.
func Open(o Options) (*Keyring, error) {
	if o.Timeout < 0 {
		return nil, fmt.Errorf("keyring: timeout %s is below 0", o.Timeout)
	}
	if o.StateDir == "" {
		return nil, errors.New("keyring: no state directory is given")
	}
	var err error
	if o.StateDir, err = filepath.Abs(o.StateDir); err != nil { // part of an item's name
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

// chooseKind returns the kind that Auto means, from the library's available backends.
func chooseKind(available []ring.BackendType) string {
	for _, s := range systemKinds {
		if s.ofService && slices.Contains(available, s.lib) {
			return s.kind
		}
	}
	return File
}

// Kind returns the kind of the keyring.
func (k *Keyring) Kind() string { return k.kind }

// Description describes in a sentence how the key is protected.
func (k *Keyring) Description() string { return k.description }

// Key returns the data key. The error wraps [ErrNoKey] if there is none, and [ErrLocked]
// if the keyring is locked or does not answer in time. Any other error means that the item
// is not a valid key. Key never creates one.
func (k *Keyring) Key(ctx context.Context) ([]byte, error) {
	return call(ctx, k, "read the data key", k.load)
}

// Create creates the data key and returns it once it is stored durably. It returns
// [ErrExists] if there is a valid key. It renames an invalid item to NAME.corrupt-N. A
// keyring of the system gets a copy with that name instead.
func (k *Keyring) Create(ctx context.Context) ([]byte, error) {
	return call(ctx, k, "create the data key", k.create)
}

// Replace replaces the data key by key, which has 32 bytes, in one step. After a crash the
// keyring contains either the old key or the new one.
func (k *Keyring) Replace(ctx context.Context, key []byte) error {
	if len(key) != keySize {
		return fmt.Errorf("keyring: replace the data key: it has %d bytes, not %d", len(key), keySize)
	}
	return k.do(ctx, "replace the data key", func() error { return k.key.set(encode(key)) })
}

// LoadMark returns the mark, or an error that wraps [ErrNoMark].
func (k *Keyring) LoadMark(ctx context.Context) ([]byte, error) {
	return call(ctx, k, "read the mark", func() ([]byte, error) { return get(k.mark, ErrNoMark) })
}

// SaveMark stores mark, a small sealed text, in the keyring. With a file keyring it is next
// to the state directory. So a restore of that directory does not change it.
func (k *Keyring) SaveMark(ctx context.Context, mark []byte) error {
	return k.do(ctx, "store the mark", func() error { return k.mark.set(mark) })
}

// DeleteMark deletes the mark. No mark is no error.
func (k *Keyring) DeleteMark(ctx context.Context) error {
	return k.do(ctx, "delete the mark", k.mark.remove)
}

// Delete deletes the data key and the copies that were set aside. No key is no error.
func (k *Keyring) Delete(ctx context.Context) error {
	return k.do(ctx, "delete the data key", k.key.remove)
}

// get returns the content of an item, or the error none if there is no such item.
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
	// Some keyrings report success too early. So read the key back.
	back, err := k.load()
	if err != nil {
		return nil, fmt.Errorf("read it back: %w", err)
	}
	if !bytes.Equal(back, key) {
		return nil, errors.New("read it back: the keyring returns another key")
	}
	return key, nil
}

func (k *Keyring) do(ctx context.Context, op string, f func() error) error {
	_, err := call(ctx, k, op, func() ([]byte, error) { return nil, f() })
	return err
}

// call runs f, one call to the backend, in its own goroutine. It waits until ctx ends or the
// timeout passes. A backend that never answers blocks only that goroutine: later calls
// return [ErrLocked] and start no other.
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

// timeoutError returns the error for a call that ctx ended.
func (k *Keyring) timeoutError(ctx context.Context, op string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("keyring %s: %s: no answer within %g s; %w", k.kind, op, k.timeout.Seconds(), ErrLocked)
	}
	return fmt.Errorf("keyring %s: %s: %w", k.kind, op, ctx.Err())
}

// recoverPanic turns a panic into an error: the library decodes damaged files, and they must
// not end the daemon.
func recoverPanic(f func() ([]byte, error)) (key []byte, err error) {
	defer func() {
		if recover() != nil { // its value could contain key material
			key, err = nil, errors.New("[unexpected] the keyring's library panicked")
		}
	}()
	return f()
}

// encode returns the item that contains the key.
func encode(key []byte) []byte {
	return append([]byte(itemPrefix), base64.StdEncoding.EncodeToString(key)...)
}

// decode is the inverse of encode. Its errors contain nothing of the item. It refuses every
// other encoding of the same key: base64 ignores line ends, so such an item was changed.
func decode(item []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(item, []byte(itemPrefix))
	if !ok {
		return nil, errors.New("the item is not a data key of this version")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(key) != keySize || !bytes.Equal(encode(key), item) {
		return nil, errors.New("the item is damaged")
	}
	return key, nil
}
