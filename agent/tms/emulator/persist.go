package emulator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Store is a file with the content of an Emulator, so that a restart loses nothing. It
// belongs to one Emulator of one process: a second one that opens it is refused.
type Store struct{ db *bolt.DB }

const (
	bucketRegistrations = "registration-tokens"
	bucketAuthTokens    = "auth-tokens" //nolint:gosec // the name of a bucket
	bucketSessions      = "sessions"
	bucketOther         = "other" // counters, and the values of GetOrCreate
	keyCounters         = "counters"
)

// OpenStore opens the file, and makes it if it is not there. It holds secrets:
// only its owner can read it.
func OpenStore(path string) (*Store, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("open %s: another emulator has it open", path)
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range []string{bucketRegistrations, bucketAuthTokens, bucketSessions, bucketOther} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), db.Close())
	}
	return &Store{db}, nil
}

// Close gives the file back. No Emulator may use it any more.
func (s *Store) Close() error { return s.db.Close() }

// GetOrCreate returns the value with a name. The first call creates it. It is for values
// that survive restarts, such as keys. A nil Store keeps nothing: each call makes it.
func (s *Store) GetOrCreate(name string, first func() ([]byte, error)) (value []byte, err error) {
	if s == nil {
		return first()
	}
	err = s.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(bucketOther))
		if old := b.Get([]byte("kept " + name)); old != nil {
			value = slices.Clone(old) // bbolt's own ends with the transaction
			return nil
		}
		if value, err = first(); err != nil {
			return err
		}
		return b.Put([]byte("kept "+name), value)
	})
	if err != nil {
		return nil, fmt.Errorf("keep the %s: %w", name, err)
	}
	return value, nil
}

// getOrPut is Keep for a text that is made already.
func (s *Store) getOrPut(name, made string) (string, error) {
	b, err := s.GetOrCreate(name, func() ([]byte, error) { return []byte(made), nil })
	return string(b), err
}

// change is one row as it is to be; without a value it is deleted.
type change struct {
	bucket, key string
	value       any
}

func deletion(bucket, key string) change { return change{bucket: bucket, key: key} }

// persist makes the changes of one transaction durable. After a failure the file lacks a
// change, and each later change is refused. An acknowledged change must survive a
// restart. m.mu is held.
func (m *memory) persist(changes ...change) error {
	if m.file == nil || m.broken != nil {
		return m.broken
	}
	err := m.file.db.Update(func(tx *bolt.Tx) error {
		for _, c := range changes {
			b := tx.Bucket([]byte(c.bucket))
			if c.value == nil {
				if err := b.Delete([]byte(c.key)); err != nil {
					return err
				}
				continue
			}
			value, err := json.Marshal(c.value)
			if err == nil {
				err = b.Put([]byte(c.key), value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		m.broken = fmt.Errorf("keep a change: %w", err)
	}
	return m.broken
}

// The rows lie in the file as they are in memory. Only exported fields are stored.

func (r *registrationRow) saved() change { return change{bucketRegistrations, r.ID, r} }

func (r *authTokenRow) saved() change { return change{bucketAuthTokens, r.ID, r} }

func (s *session) saved() change { return change{bucketSessions, s.id, s} }

func (c counters) counted() change { return change{bucketOther, keyCounters, c} }

// load reads the file into a new store.
func (m *memory) load() error {
	return m.file.db.View(func(tx *bolt.Tx) error {
		return errors.Join(
			eachRow(tx, bucketRegistrations, func(_ string, row *registrationRow) {
				row.redeemed = map[string]string{}
				m.registrations[row.ID], m.byToken[row.Token] = row, row
			}),
			eachRow(tx, bucketAuthTokens, func(id string, row *authTokenRow) {
				row.registrationID = row.Registration
				m.authTokens[id] = row
				m.authTokenList = append(m.authTokenList, row)
			}),
			eachRow(tx, bucketSessions, func(id string, s *session) {
				s.id = id
				m.sessions[id] = s
			}),
			m.restore(tx),
		)
	})
}

// restore reads the counters, and rebuilds the indexes from the rows.
func (m *memory) restore(tx *bolt.Tx) error {
	if b := tx.Bucket([]byte(bucketOther)).Get([]byte(keyCounters)); b != nil {
		if err := json.Unmarshal(b, &m.counters); err != nil {
			return fmt.Errorf("read the counters: %w", err)
		}
	}
	slices.SortFunc(m.authTokenList, func(a, b *authTokenRow) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, row := range m.authTokenList { // the latest of an identifier comes last
		if r, ok := m.registrations[row.Registration]; ok {
			r.redeemed[row.Identifier] = row.ID
		}
	}
	return nil
}

func eachRow[T any](tx *bolt.Tx, bucket string, add func(key string, row *T)) error {
	return tx.Bucket([]byte(bucket)).ForEach(func(k, v []byte) error {
		var row T
		if err := json.Unmarshal(v, &row); err != nil {
			return fmt.Errorf("read %s %s: %w", bucket, k, err)
		}
		add(string(k), &row)
		return nil
	})
}
