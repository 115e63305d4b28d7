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

// listener is a Unix listener. Its socket was created elsewhere and moved to path.
type listener struct {
	*net.UnixListener
	path string
	self os.FileInfo // of this listener's socket

	closing sync.Once
	err     error
}

// Addr returns the address that clients connect to.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close removes the socket, then stops listening. In this order no client finds a socket
// without a listener.
func (l *listener) Close() error {
	l.closing.Do(func() {
		l.err = errors.Join(l.remove(), l.UnixListener.Close())
	})
	return l.err
}

func (l *listener) remove() error {
	now, err := os.Lstat(l.path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(now, l.self) {
		return nil // deleted or replaced: it is no longer this listener's
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

// open creates the socket in a private directory, sets its mode there, and then moves it
// to path. A new socket gets its mode from the umask of the whole process. A socket
// created at path would have that mode for a moment.
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

// bind listens at temporary. The caller renames it to path.
func bind(temporary, path string) (*listener, error) {
	if n := max(len(path), len(temporary)); n > maxPath {
		return nil, fmt.Errorf("the path is %d bytes too long for a socket; choose a shorter directory", n-maxPath)
	}
	ul, err := net.ListenUnix("unix", &net.UnixAddr{Name: temporary, Net: "unix"})
	if err != nil {
		return nil, err
	}
	ul.SetUnlinkOnClose(false) // it would remove the temporary path
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

// prepareDir creates dir if it is missing. It returns an error for a directory in which
// others could replace the socket. Those are an owner other than root and this process's
// user, and everybody who may write there. A sticky directory such as /tmp is safe: only the
// owner of a file may delete it there. The installer is responsible for the directories
// above.
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
		return fmt.Errorf("%s is owned by uid %d, who could replace the socket; choose a directory of root or of regentd's user", dir, owner)
	}
	if st.Mode().Perm()&0o022 != 0 && st.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s is writable by other users (mode %04o), who could replace the socket; run: chmod go-w %s", dir, st.Mode().Perm(), dir)
	}
	return nil
}

func makeDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil { //nolint:gosec // clients need access
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // clients need access
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // whatever the umask is
}

// checkVacant returns nil if path is free: it does not exist, or is a socket without a
// listener.
func checkVacant(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Mode().Type() != fs.ModeSocket {
		return errors.New("another file, not a socket, is there; move it away or choose another path")
	}
	c, err := net.DialTimeout("unix", path, probeTimeout) //nolint:noctx // it has a timeout, and starting has no context
	switch {
	case err == nil:
		return errors.Join(ErrInUse, c.Close())
	case errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, unix.EAGAIN): // its queue is full: it runs and is busy
		return ErrInUse
	default:
		return fmt.Errorf("cannot tell whether it is in use: %w", err)
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
