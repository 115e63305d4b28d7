//go:build linux || windows

package peer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

const maxDigests = 256

// Digests remembers digests of files that have not changed since. The zero
// value is ready for use. It is safe for concurrent use, and computes the
// digest of one file once however many ask.
type Digests struct {
	mu    sync.Mutex
	known map[version]*digest
}

// version is a file in one state of its content: any write changes its ctime.
type version struct {
	dev, ino, size uint64
	ctime          int64
}

type digest struct {
	once sync.Once
	hex  string
	err  error
}

// digestUnchanged returns the digest of f, which must not change while it is read.
func (d *Digests) digestUnchanged(f *os.File) (string, error) {
	before, err := versionOf(f)
	if err != nil {
		return "", err
	}
	sum, err := d.digestOf(before, f)
	if err != nil {
		return "", err
	}
	if after, err := versionOf(f); err != nil || after != before {
		return "", errors.New("the image changed while it was read")
	}
	return sum, nil
}

// digestOf returns the digest of the file at version v, reading it from r if it is
// not known.
func (d *Digests) digestOf(v version, r io.Reader) (string, error) {
	e := d.entry(v)
	e.once.Do(func() { e.hex, e.err = sum(r, v.size) })
	if e.err != nil {
		d.forget(v, e) // what failed for one caller may work for the next
	}
	return e.hex, e.err
}

func (d *Digests) entry(v version) *digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.known[v]; ok {
		return e
	}
	if d.known == nil || len(d.known) >= maxDigests {
		d.known = map[version]*digest{} // a rare event; they are computed again
	}
	e := new(digest)
	d.known[v] = e
	return e
}

func (d *Digests) forget(v version, e *digest) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[v] == e {
		delete(d.known, v)
	}
}

// sum reads exactly size bytes.
func sum(r io.Reader, size uint64) (string, error) {
	if size > MaxImage {
		return "", fmt.Errorf("the image has %d bytes, and only up to %d are read", size, MaxImage)
	}
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, MaxImage+1))
	if err != nil {
		return "", fmt.Errorf("read image: %w", err)
	}
	if uint64(n) != size { //nolint:gosec // a count of bytes read is not negative
		return "", fmt.Errorf("the image changed while it was read: %d bytes became %d", size, n)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
