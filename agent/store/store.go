// Package store keeps sealed records: small named secrets, encrypted on disk under one
// data key.
//
// The platform's keyring protects the data key. The package knows neither the meaning of a
// record nor the kind of the keyring.
package store

import (
	"context"
	"errors"
	"fmt"
)

var (
	// ErrNotFound means that no record has the name.
	ErrNotFound = errors.New("store: no such record")
	// ErrConflict means that the record has another version than the writer expects.
	ErrConflict = errors.New("store: record changed")
	// ErrKey means that the data key is not the one that sealed the record, or
	// that the record was altered.
	ErrKey = errors.New("store: data key does not open this record")
	// ErrTooLarge means that a value has more than [MaxSize] bytes.
	ErrTooLarge = fmt.Errorf("store: the record has more than %d bytes", MaxSize)
)

// MaxSize is the largest value of a record, in bytes.
const MaxSize = 1 << 20

// Version counts the writes of one record; 0 means it does not exist.
type Version uint64

// Store is a set of named records. Names are 1 to 200 bytes of printable
// ASCII. Implementations are safe for concurrent use.
type Store interface {
	// Get returns a record, or [ErrNotFound], or an error that wraps [ErrKey].
	Get(ctx context.Context, name string) (value []byte, v Version, err error)
	// Put writes a record if it is still at version was, and returns the new
	// version; else [ErrConflict]. When it returns nil the record has reached
	// the disk; when it fails the old record is intact.
	Put(ctx context.Context, name string, value []byte, was Version) (Version, error)
	// Delete removes a record durably. No such record is no error.
	Delete(ctx context.Context, name string) error
	// List returns all names, sorted.
	List(ctx context.Context) (names []string, err error)
}

// State is the state of the whole store. Its text is wire format.
type State string

// The states of the store.
const (
	OK          State = "ok"
	Locked      State = "locked"       // the keyring does not answer or refuses
	Unreadable  State = "unreadable"   // key material or records cannot be read
	Missing     State = "missing"      // there is no key material
	ForeignHost State = "foreign_host" // the state belongs to another machine
	RolledBack  State = "rolled_back"  // older than its mark in the keyring
)

// KeySize is the size of the data key in bytes.
const KeySize = 32

// Keyring stores one data key. The platform provides it. Every call ends within the time
// that ctx allows.
type Keyring interface {
	// Key returns the data key. The error wraps [ErrNoKey] if there is none, and
	// [ErrLocked] if it is not available now. Key never creates one.
	Key(ctx context.Context) ([]byte, error)
	// Create creates the data key and returns it when it is durable. It fails if there is
	// one. It renames incomplete key material, for example of a crashed Create, and never
	// deletes it. Only [Unlock] calls it.
	Create(ctx context.Context) ([]byte, error)
	// Delete deletes the data key. Every record sealed under it is then lost.
	Delete(ctx context.Context) error
	// Kind returns the kind of the keyring, for status: "file",
	// "windows-credential-manager", "keychain", "secret-service", "kwallet".
	Kind() string
}

var (
	// ErrNoKey means that the keyring has no data key.
	ErrNoKey = errors.New("store: the keyring has no data key")
	// ErrLocked means that the data key is not available now.
	ErrLocked = errors.New("store: the keyring is locked or does not answer")
)

// CheckName checks the name of a record: 1 to 200 bytes of printable ASCII.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("store: record name has %d bytes, want 1 to %d", len(name), maxName)
	}
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' {
			return fmt.Errorf("store: record name %q: byte %d is not printable ASCII", name, i)
		}
	}
	return nil
}

const maxName = 200
