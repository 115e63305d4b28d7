package store

import (
	"context"
	"errors"
	"fmt"
)

// Unlock gets the data key, or makes one on the first run and never otherwise.
//
// hasState is whether anything was ever kept here: a record ([HasRecords]) or a
// line of the ledger. Without it this is a first run, whatever half-made key
// material lies about. With it, key material that is gone or cannot be read is
// a state for a person to mend: a new key would make the loss final.
//
// The state is [OK] if and only if the error is nil, which is the keyring's own.
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

// unlockState says what an attempt to get the data key means.
func unlockState(err error) State {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrLocked), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Locked // no answer says nothing of what is there
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
