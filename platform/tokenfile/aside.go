package tokenfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"regent/platform/files"
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

// ListAside lists the files that SetAside left beside path.
func ListAside(path string) (there []string) {
	for n := 1; n <= maxAside; n++ {
		if _, err := os.Lstat(asideName(path, n)); err == nil {
			there = append(there, asideName(path, n))
		}
	}
	return there
}

// OriginalName is the name of the file that SetAside renamed to path.
func OriginalName(path string) string { return path[:max(0, strings.LastIndex(path, asideSuffix))] }

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
	if gone, err := checkUnchanged(path, read); err != nil || gone {
		return "", err
	}
	content, err := os.ReadFile(path) //nolint:gosec // the file that its reader watches
	if err != nil {
		return "", readError(path, err)
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
	return "", newError(path, fmt.Errorf("%d unproven ones lie beside it: delete those that are not wanted: rm %s%s*", maxAside, path, asideSuffix))
}

// Clear removes the file of a registration token that was sealed, or sets it
// aside as SetAside does; then it returns the new name. The rule, in this order:
//
//  1. What the service has accepted is removed, and with it each file aside whose
//     content is a part of it.
//  2. What is doubtful is set aside: it may be a part of a registration token.
//  3. What comes while a file lies aside is set aside as well: it may be the rest
//     of that one.
//  4. Anything else is removed.
//
// So nothing that may be a part of the only copy is removed before the service has
// taken the whole. taken is asked only where that matters. The errors are those
// of Remove.
func Clear(path string, read Identity, doubtful bool, taken func() bool) (aside string, err error) {
	if !doubtful && len(ListAside(path)) == 0 {
		return "", Remove(path, read)
	}
	if !taken() {
		return SetAside(path, read)
	}
	return "", removeWithParts(path, path, read)
}

// ClearAside removes a file that was set aside and that the service has accepted,
// as the first rule of Clear says. The errors are those of Remove.
func ClearAside(aside string, read Identity) error {
	return removeWithParts(aside, OriginalName(aside), read)
}

// removeWithParts removes the file at path, and what is aside of original and a part
// of it.
func removeWithParts(path, original string, read Identity) error {
	if gone, err := checkUnchanged(path, read); err != nil || gone {
		return err
	}
	whole, err := os.ReadFile(path) //nolint:gosec // the file that its reader watches
	if err != nil {
		return readError(path, err)
	}
	if err := Remove(path, read); err != nil {
		return err
	}
	for _, name := range ListAside(original) {
		part, err := os.ReadFile(name) //nolint:gosec // beside that file
		if err != nil || !bytes.Contains(whole, bytes.TrimSpace(part)) {
			continue
		}
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unremovableError(name, fmt.Errorf("is a part of a registration token and cannot be removed: %w; delete it by hand", files.TrimPath(err)))
		}
	}
	return nil
}

func moveAside(path, name string) error {
	if err := os.Rename(path, name); err != nil {
		return unremovableError(path, fmt.Errorf("cannot be renamed to %s: %w", name, files.TrimPath(err)))
	}
	if err := os.Chmod(name, 0o600); err != nil { // its owner alone could read it before as well
		return newError(name, fmt.Errorf("its mode cannot be set: %w; run: chmod 600 %s", files.TrimPath(err), name))
	}
	return nil
}
