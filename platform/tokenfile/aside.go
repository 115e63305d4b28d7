package tokenfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// asideSuffix is behind the name of a file that was taken and is kept until its
// token has proven itself.
const asideSuffix = ".unproven"

// maxAside is how many files of one name are kept aside.
const maxAside = 9

// asideName is the n-th name beside path, from 1.
func asideName(path string, n int) string {
	if n == 1 {
		return path + asideSuffix
	}
	return path + asideSuffix + "-" + strconv.Itoa(n)
}

// Aside lists the files that SetAside left beside path.
func Aside(path string) (there []string) {
	for n := 1; n <= maxAside; n++ {
		if _, err := os.Lstat(asideName(path, n)); err == nil {
			there = append(there, asideName(path, n))
		}
	}
	return there
}

// Original is the name of the file that SetAside renamed to path.
func Original(path string) string { return path[:max(0, strings.LastIndex(path, asideSuffix))] }

// IsAside reports whether path is a name that SetAside gives.
func IsAside(path string) bool {
	i := strings.LastIndex(path, asideSuffix)
	if i <= 0 {
		return false
	}
	rest := path[i+len(asideSuffix):]
	n, err := strconv.Atoi(strings.TrimPrefix(rest, "-"))
	return rest == "" || err == nil && rest == "-"+strconv.Itoa(n) && n >= 2 && n <= maxAside
}

// SetAside renames the file at path to NAME.unproven, for its owner only (0600),
// if it still is the one that was read, and returns the new name. A name that is
// taken gets a number: NAME.unproven-2. The same content is not kept twice: then
// the file is removed, and the name is that of the first. The errors are those of
// Remove. A file that is gone has no name.
func SetAside(path string, read Identity) (string, error) {
	if gone, err := isStill(path, read); err != nil || gone {
		return "", err
	}
	content, err := os.ReadFile(path) //nolint:gosec // the file that its reader watches
	if err != nil {
		return "", unread(path, err)
	}
	for n := 1; n <= maxAside; n++ {
		name := asideName(path, n)
		there, err := os.ReadFile(name) //nolint:gosec // beside that file
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return name, moveAside(path, name)
		case err == nil && bytes.Equal(bytes.TrimSpace(there), bytes.TrimSpace(content)):
			return name, Remove(path, read)
		}
	}
	return "", refuse(path, fmt.Errorf("%d unproven ones lie beside it: delete those that are not wanted: rm %s%s*", maxAside, path, asideSuffix))
}

func moveAside(path, name string) error {
	if err := os.Rename(path, name); err != nil {
		return fixed(path, fmt.Errorf("cannot be renamed to %s: %w", name, bare(err)))
	}
	if err := os.Chmod(name, 0o600); err != nil { // its owner alone could read it before as well
		return refuse(name, fmt.Errorf("its mode cannot be set: %w; run: chmod 600 %s", bare(err), name))
	}
	return nil
}
