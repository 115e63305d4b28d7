//go:build unix

package localsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxPath      = len(unix.RawSockaddrUnix{}.Path) - 1 // bytes, without the final zero
	probeTimeout = 2 * time.Second
)

// listener is a Unix listener that was bound elsewhere and moved to path.
type listener struct {
	*net.UnixListener
	path string
	self os.FileInfo // of the socket, to tell it from a later one

	closing sync.Once
	err     error
}

// Addr returns the address that clients connect to.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close stops listening and removes the socket, before it stops, so that no
// client meets a socket without a listener.
func (l *listener) Close() error {
	l.closing.Do(func() {
		l.err = errors.Join(l.remove(), l.UnixListener.Close())
	})
	return l.err
}

func (l *listener) remove() error {
	now, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, l.self) {
		return nil // taken away or replaced: it is not ours any more
	}
	if err != nil {
		return err
	}
	return os.Remove(l.path)
}

func listen(path string) (net.Listener, error) {
	l, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	return l, nil
}

// open makes the socket in a directory of its own that nobody else may enter,
// gives it its mode there, and only then moves it into place. A socket's mode
// comes from the umask, which is the whole process's, and a socket that is
// bound in place first and given its mode afterwards has the wrong one in
// between.
func open(path string) (_ *listener, err error) {
	dir := filepath.Dir(path)
	if err := prepareDir(dir); err != nil {
		return nil, err
	}
	if err := checkVacant(path); err != nil {
		return nil, err
	}
	private, err := os.MkdirTemp(dir, ".s") // 0700
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(private)) }()
	l, err := bind(filepath.Join(private, "s"), path)
	if err != nil {
		return nil, err
	}
	if err := os.Rename(filepath.Join(private, "s"), path); err != nil {
		return nil, errors.Join(err, l.UnixListener.Close())
	}
	return l, nil
}

// bind listens at temporary, which is to become path.
func bind(temporary, path string) (*listener, error) {
	if n := max(len(path), len(temporary)); n > maxPath {
		return nil, fmt.Errorf("the path is %d bytes too long for a socket; choose a shorter directory", n-maxPath)
	}
	ul, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ul.SetUnlinkOnClose(false) // it would remove the temporary name
	l := &listener{UnixListener: ul, path: path}
	err = os.Chmod(temporary, 0o666) //nolint:gosec // every user may connect; the daemon decides
	if err == nil {
		l.self, err = os.Lstat(temporary)
	}
	if err != nil {
		return nil, errors.Join(err, ul.Close())
	}
	return l, nil
}

// prepareDir makes dir if it is missing, and refuses one in which others could
// put their own socket in the place of ours: its owner, unless that is root or
// this process's user, and who may write there. In a sticky directory, such as
// /tmp, they cannot: only its owner may take a file away there. The
// directories further up are the installer's business.
func prepareDir(dir string) error {
	st, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return makeDir(dir)
	}
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return fmt.Errorf("%s is not a directory", dir)
	}
	if owner := st.Sys().(*syscall.Stat_t).Uid; owner != 0 && int(owner) != os.Geteuid() {
		return fmt.Errorf("%s is owned by uid %d, who could replace the socket; choose a directory of root's or of the daemon's user", dir, owner)
	}
	if st.Mode().Perm()&0o022 != 0 && st.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s is writable by other users (mode %04o), who could replace the socket; run: chmod go-w %s", dir, st.Mode().Perm(), dir)
	}
	return nil
}

func makeDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // clients have to pass
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // clients have to pass
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // whatever the umask is
}

// checkVacant returns nil if a socket may be put at path: nothing is there, or a
// socket at which nobody answers.
func checkVacant(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return errors.New("there is something else that is no socket; move it away or choose another path")
	}
	c, err := net.DialTimeout("unix", path, probeTimeout) //nolint:noctx // it has a timeout, and starting has no context
	switch {
	case err == nil:
		return errors.Join(ErrInUse, c.Close())
	case errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.EAGAIN): // its queue is full: it lives, and has much to do
		return ErrInUse
	default:
		return fmt.Errorf("is it in use? %w", err)
	}
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if errors.Is(err, unix.ECONNREFUSED) {
		return nil, fmt.Errorf("%w: %w", ErrNoListener, err)
	}
	return c, err
}
