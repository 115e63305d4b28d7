package store

import (
	"context"
	"errors"
	"fmt"

	"regent/agent/fault"
)

// Unlock gets the data key, or makes one on the first run and never otherwise.
//
// hasState is whether anything was ever kept here: a record ([HasRecords]) or a
// line of the ledger. Without it this is a first run, whatever half-made key
// material lies about. With it, key material that is gone or cannot be read is
// a state for a person to mend: a new key would make the loss final.
//
// The state is [OK] if and only if the error is nil. Every error is a
// [fault.Fault].
func Unlock(ctx context.Context, ring Keyring, hasState bool) (key []byte, state State, err error) {
	key, err = ring.Key(ctx)
	if err == nil {
		err = checkKey(key)
	}
	state, first := classifyUnlock(err, hasState)
	if first {
		key, err = ring.Create(ctx)
		if err == nil {
			err = checkKey(key)
		}
		// There is no state yet that could lack its key.
		if state, _ = classifyUnlock(err, true); state == Missing {
			state = Unreadable
		}
	}
	if state == OK {
		return key, OK, nil
	}
	return nil, state, fault.New("unlock the store", kindOf(state), err)
}

// classifyUnlock says what an attempt to get the data key means, and whether a new one
// is to be made.
func classifyUnlock(err error, hasState bool) (state State, create bool) {
	switch {
	case err == nil:
		return OK, false
	case errors.Is(err, ErrLocked), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Locked, false // no answer says nothing of what is there
	case !hasState:
		return Missing, true
	case errors.Is(err, ErrNoKey):
		return Missing, false
	}
	return Unreadable, false
}

func kindOf(s State) fault.Kind {
	switch s {
	case Locked:
		return fault.StoreLocked
	case Missing:
		return fault.StoreMissing
	}
	return fault.StoreUnreadable
}

func checkKey(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("store: the keyring's data key has %d bytes, want %d", len(key), KeySize)
	}
	return nil
}
