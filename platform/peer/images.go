package peer

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"time"
)

const (
	// imageTTL is the time for which a result is valid. Later the certificate may have
	// expired or may no longer be trusted.
	imageTTL = 5 * time.Minute
	// imageTimeout is the longest wait for a result. The work continues after it.
	imageTimeout = 10 * time.Second
	// maxImages is the number of programs of one user that are stored or waiting.
	maxImages = 32
	// maxAtOnce is the number of programs that are read at a time, each of another user.
	maxAtOnce = 4
)

var (
	errReading         = errors.New("its file is still being read; ask again")
	errTooManyPrograms = errors.New("too many programs of this user wait for their files to be read; ask again")
)

// Images caches the digests and the signers of running programs. It is safe for concurrent
// use. It reads a program once for each, for any number of callers. Reading a large file
// takes time, and its user chooses the size. So programs of one user are read one after
// another, and other users do not wait for them.
type Images struct {
	digests *imageCache[string]
	signers *imageCache[Signer]
}

// NewImages returns an empty cache. now is a monotonic clock.
func NewImages(now func() time.Time) *Images {
	return &Images{newImageCache[string](now), newImageCache[Signer](now)}
}

// version is a file in one state of its content: any write changes its ctime.
type version struct {
	dev, ino, size uint64
	ctime          int64
}

// program is a file in one state of its content, as one process runs it. On Windows the
// owner of a file can set all its times, so they do not prove that the next process runs
// the same content. pid is 0 if the version is enough.
type program struct {
	version
	pid   int
	start uint64
}

// finalError is a result that does not change with another try.
type finalError interface {
	error
	final()
}

// imageCache stores one kind of result.
type imageCache[T any] struct {
	now   func() time.Time
	slots chan struct{} // one element for each running read

	mu    sync.Mutex
	users map[string]*userImages[T]
}

// userImages are the results of one user.
type userImages[T any] struct {
	reading chan struct{} // one element for the read that runs or is next
	known   map[program]*imageResult[T]
}

// imageResult is valid once done is closed.
type imageResult[T any] struct {
	since time.Time
	done  chan struct{}
	value T
	err   error
}

func newImageCache[T any](now func() time.Time) *imageCache[T] {
	return &imageCache[T]{now: now, slots: make(chan struct{}, maxAtOnce), users: map[string]*userImages[T]{}}
}

// get returns the result for a user's program. It calls read if the result is not known.
// read may still run after get returns. image is closed when nobody needs it.
func (c *imageCache[T]) get(user string, p program, image io.Closer, read func() (T, error)) (T, error) {
	u, r, isNew := c.entry(user, p)
	if isNew {
		go c.readInTurn(u, p, r, image, read)
	} else {
		_ = image.Close() // read only
	}
	var none T
	if r == nil {
		return none, errTooManyPrograms
	}
	select {
	case <-r.done:
		return r.value, r.err
	case <-time.After(imageTimeout):
		return none, errReading
	}
}

// readInTurn reads when it is the program's turn.
func (c *imageCache[T]) readInTurn(u *userImages[T], p program, r *imageResult[T], image io.Closer, read func() (T, error)) {
	u.reading <- struct{}{}
	c.slots <- struct{}{}
	r.value, r.err = read()
	<-c.slots
	<-u.reading
	_ = image.Close() // read only
	if _, final := errors.AsType[finalError](r.err); r.err != nil && !final {
		c.mu.Lock()
		delete(u.known, p) // a retry may work
		c.mu.Unlock()
	}
	close(r.done)
}

// entry returns the known or pending result of a program. isNew says that the caller must
// read it. It returns no result if too many of the user's programs wait.
func (c *imageCache[T]) entry(user string, p program) (u *userImages[T], r *imageResult[T], isNew bool) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	u, ok := c.users[user]
	if !ok {
		maps.DeleteFunc(c.users, func(_ string, u *userImages[T]) bool { return u.forget(now) == 0 })
		u = &userImages[T]{reading: make(chan struct{}, 1), known: map[program]*imageResult[T]{}}
		c.users[user] = u
	}
	if r, ok := u.known[p]; ok && !r.isExpired(now) {
		return u, r, false
	}
	if len(u.known) >= maxImages && u.forget(time.Time{}) >= maxImages { // rare; the programs are read again
		return u, nil, false
	}
	r = &imageResult[T]{since: now, done: make(chan struct{})}
	u.known[p] = r
	return u, r, true
}

// forget removes the results that have expired at now, and returns the number left.
func (u *userImages[T]) forget(now time.Time) int {
	maps.DeleteFunc(u.known, func(_ program, r *imageResult[T]) bool { return r.isExpired(now) })
	return len(u.known)
}

// isExpired reports whether a result exists and has expired.
func (r *imageResult[T]) isExpired(now time.Time) bool {
	select {
	case <-r.done:
		age := now.Sub(r.since)
		return age < 0 || age >= imageTTL
	default:
		return false
	}
}

// sumFile returns the digest of f, and an error if f changes during the read.
func sumFile(f *os.File, as version) (string, error) {
	sum, err := sum(f, as.size)
	if err != nil {
		return "", err
	}
	if after, err := versionOf(f); err != nil || after != as {
		return "", errors.New("the image changed while it was read")
	}
	return sum, nil
}

// sum reads exactly size bytes.
func sum(r io.Reader, size uint64) (string, error) {
	if size > MaxImage {
		return "", fmt.Errorf("the image has %d bytes; the limit is %d bytes", size, MaxImage)
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
