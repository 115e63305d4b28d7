package store

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// The format of a record's file, integers in network order:
//
//	magic    7 bytes  "REGENTR"
//	format   1 byte   1
//	key id   8 bytes  of the data key that sealed it; derived, reveals nothing of the key
//	version  8 bytes
//	length   1 byte   of the name
//	name
//	sealed   AES-256-GCM: nonce, ciphertext, tag; everything above is authenticated with it
//
// A release reads its own format and the previous one. It refuses a file of a later format
// and does not change it.
const (
	magic             = "REGENTR"
	format       byte = 1
	oldestFormat byte = 1 // the oldest format that is still read
	keyIDAt           = len(magic) + 1
	keyIDSize         = 8
	verAt             = keyIDAt + keyIDSize
	lenAt             = verAt + 8
	nameAt            = lenAt + 1

	overhead    = 12 + 16 // of GCM: nonce and tag
	maxFileSize = nameAt + maxName + overhead + MaxSize
)

// ErrNewer means that a later release wrote the record. It wraps [ErrKey].
var ErrNewer = fmt.Errorf("store: record was written by a newer release: %w", ErrKey)

// errOtherKey means that another data key sealed the file. Its header is complete. It wraps
// [ErrKey].
var errOtherKey = fmt.Errorf("%w: another data key sealed it", ErrKey)

var errMagic = errors.New("it does not begin like a record")

// header is the unencrypted part of a record's file. It is trusted only after the sealed
// part is decrypted.
type header struct {
	keyID   [keyIDSize]byte
	version Version
	name    string
	size    int // of the header in bytes
}

// encode returns the bytes of the header in the file.
func (h header) encode() []byte {
	b := make([]byte, 0, nameAt+len(h.name)+overhead)
	b = append(b, magic...)
	b = append(b, format)
	b = append(b, h.keyID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.version))
	b = append(b, byte(len(h.name))) //nolint:gosec // names have at most 200 bytes: CheckName
	return append(b, h.name...)
}

// decodeHeader reads the header of a record's file. Its errors wrap nothing, except for
// [ErrNewer].
func decodeHeader(file []byte) (header, error) {
	if len(file) <= len(magic) || !bytes.HasPrefix(file, []byte(magic)) {
		return header{}, errMagic
	}
	if f := file[len(magic)]; f > format {
		return header{}, fmt.Errorf("format %d, this release reads up to %d: %w", f, format, ErrNewer)
	} else if f < oldestFormat {
		return header{}, fmt.Errorf("format %d is unknown", f)
	}
	if len(file) < nameAt {
		return header{}, errors.New("it is cut short in the header")
	}
	size := nameAt + int(file[lenAt])
	if len(file) < size+overhead {
		return header{}, errors.New("it is cut short")
	}
	h := header{version: Version(binary.BigEndian.Uint64(file[verAt:])), name: string(file[nameAt:size]), size: size}
	copy(h.keyID[:], file[keyIDAt:])
	if err := CheckName(h.name); err != nil {
		return header{}, err
	}
	if h.version == 0 {
		return header{}, errors.New("its version is 0")
	}
	return h, nil
}

// record is an opened record.
type record struct {
	header
	value []byte
}

// sealer seals and opens records. It does not keep the data key, only keys that are derived
// from it. They are behind functions, so that printing a sealer shows no key. It is safe for
// concurrent use.
type sealer struct {
	aead   cipher.AEAD
	keyID  [keyIDSize]byte
	derive func(info string, size int) ([]byte, error)
}

// newSealer derives the keys of a sealer from the data key. It does not keep the data key.
func newSealer(key []byte) (*sealer, error) {
	if _, err := checkKey(key, nil); err != nil {
		return nil, err
	}
	prk, err := hkdf.Extract(sha256.New, key, nil)
	if err != nil {
		return nil, fmt.Errorf("store: derive from the data key: %w", err)
	}
	b := &sealer{derive: func(info string, size int) ([]byte, error) {
		return hkdf.Expand(sha256.New, prk, info, size)
	}}
	id, idErr := b.derive("regent record key id", keyIDSize)
	sealing, sealErr := b.derive("regent record seal", KeySize)
	if err := errors.Join(idErr, sealErr); err != nil {
		return nil, fmt.Errorf("store: derive from the data key: %w", err)
	}
	b.keyID = [keyIDSize]byte(id)
	block, err := aes.NewCipher(sealing)
	if err == nil {
		b.aead, err = cipher.NewGCMWithRandomNonce(block)
	}
	if err != nil {
		return nil, fmt.Errorf("store: sealing key: %w", err)
	}
	return b, nil
}

// seal returns the content of the file for a record.
func (b *sealer) seal(name string, v Version, value []byte) []byte {
	head := header{keyID: b.keyID, version: v, name: name}.encode()
	return b.aead.Seal(head, nil, value, head) //nolint:gosec // not a fixed nonce: this AEAD draws its own
}

// open opens the content of a file. Every error wraps [ErrKey].
func (b *sealer) open(file []byte) (record, error) {
	h, err := decodeHeader(file)
	switch {
	case errors.Is(err, ErrKey):
		return record{}, err
	case err != nil:
		return record{}, fmt.Errorf("%w: %w", ErrKey, err)
	case h.keyID != b.keyID:
		return record{}, errOtherKey
	}
	value, err := b.aead.Open(nil, nil, file[h.size:], file[:h.size])
	if err != nil {
		return record{}, fmt.Errorf("%w: it was altered", ErrKey)
	}
	return record{h, value}, nil
}

// openCounter opens a counter: a record of this name and value. It returns the count, which
// is the version.
func (b *sealer) openCounter(file []byte, name, value string) (Version, error) {
	rec, err := b.open(file)
	if err == nil && (rec.name != name || string(rec.value) != value) {
		err = fmt.Errorf("%w: it is the record %q", ErrKey, rec.name)
	}
	return rec.version, err
}
