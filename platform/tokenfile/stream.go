package tokenfile

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// IsStdin reports whether path means this process's standard input.
func IsStdin(path string) bool {
	return path == "/dev/stdin" || path == "/dev/fd/0" || path == "/proc/self/fd/0"
}

// IsStream reports whether path can be read only once and not deleted: a pipe, or a
// descriptor of this process such as a shell's <(COMMAND).
func IsStream(path string) bool {
	if isDescriptor(path) {
		return true
	}
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeNamedPipe != 0
}

func isDescriptor(path string) bool {
	return IsStdin(path) || strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/")
}

// OpenStream opens a stream for reading, and may wait for its writer. It checks the owner
// and the mode of a FIFO like those of a file.
func OpenStream(path string, owners ...int) (*os.File, error) {
	f, err := os.Open(path) //nolint:gosec // the user's path
	switch {
	case isDescriptor(path) && errors.Is(err, fs.ErrNotExist):
		return nil, newError(path, errors.New("is not open in this process, since sudo closes <(COMMAND); run: COMMAND | sudo regent register --stdin"))
	case err != nil:
		return nil, openError(path, err)
	case isDescriptor(path):
		return f, nil
	}
	info, err := f.Stat()
	if err == nil {
		err = checkAccess(path, f, info, owners)
	}
	if err != nil {
		f.Close() //nolint:errcheck,gosec // opened for reading
		return nil, err
	}
	return f, nil
}
