package store

import (
	"context"
	"errors"
	"fmt"
)

// Unlock returns the data key. Only on the first run it creates one.
//
// hasState reports whether there is a record ([HasRecords]) or a line of the ledger. Without
// them this is a first run, even if there is incomplete key material. With them, a missing or
// unreadable key is an error that a person must correct: a new key would make the loss final.
//
// The state is [OK] if and only if the error is nil. The error is the keyring's.
func Unlock(ctx context.Context, ring Keyring, hasState bool) (key []byte, state State, err error) {
	key, err = checkKey(ring.Key(ctx))
	state = unlockState(err)
	if !hasState && (state == Missing || state == Unreadable) {
		key, err = checkKey(ring.Create(ctx))
		// There is no state yet that could lack its key.
		if state = unlockState(err); state == Missing {
			state = Unreadable
		}
	}
	return key, state, err
}

// unlockState returns the state for an error of the keyring.
func unlockState(err error) State {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrLocked), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Locked // without an answer, nothing is known of the key
	case errors.Is(err, ErrNoKey):
		return Missing
	}
	return Unreadable
}

// checkKey returns the keyring's answer if it is a key of the right size.
func checkKey(key []byte, err error) ([]byte, error) {
	if err == nil && len(key) != KeySize {
		err = fmt.Errorf("store: the data key has %d bytes, want %d", len(key), KeySize)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}
