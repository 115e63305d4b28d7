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

// asideSuffix is the suffix of a taken file that is stored until the service has accepted
// its token.
const asideSuffix = ".unproven"

// maxAside is the maximum number of files aside for one name.
const maxAside = 9

// asideName returns the n-th name, from 1, of a file aside of path.
func asideName(path string, n int) string {
	if n == 1 {
		return path + asideSuffix
	}
	return path + asideSuffix + "-" + strconv.Itoa(n)
}

// ListAside returns the files that SetAside has left for path.
func ListAside(path string) (there []string) {
	for n := 1; n <= maxAside; n++ {
		if _, err := os.Lstat(asideName(path, n)); err == nil {
			there = append(there, asideName(path, n))
		}
	}
	return there
}

// OriginalName returns the name of the file that SetAside renamed to path.
func OriginalName(path string) string { return path[:max(0, strings.LastIndex(path, asideSuffix))] }

// IsAside reports whether path is a name from SetAside.
func IsAside(path string) bool {
	i := strings.LastIndex(path, asideSuffix)
	if i <= 0 {
		return false
	}
	rest := path[i+len(asideSuffix):]
	n, err := strconv.Atoi(strings.TrimPrefix(rest, "-"))
	return rest == "" || err == nil && rest == "-"+strconv.Itoa(n) && n >= 2 && n <= maxAside
}

// SetAside renames the file at path to NAME.unproven, with mode 0600, and returns the new
// name. If that name exists, it adds a number: NAME.unproven-2. If a file aside has the same
// content, SetAside deletes the file at path and returns the name of that file. It returns
// ErrChanged if the file is not the one that was read. Other errors are those of Remove. For
// a missing file it returns "".
func SetAside(path string, read Identity) (string, error) {
	if gone, err := checkUnchanged(path, read); err != nil || gone {
		return "", err
	}
	content, err := os.ReadFile(path) //nolint:gosec // the watched file
	if err != nil {
		return "", readError(path, err)
	}
	for n := 1; n <= maxAside; n++ {
		name := asideName(path, n)
		there, err := os.ReadFile(name) //nolint:gosec // next to the watched file
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return name, moveAside(path, name)
		case err == nil && bytes.Equal(bytes.TrimSpace(there), bytes.TrimSpace(content)):
			return name, Remove(path, read)
		}
	}
	return "", newError(path, fmt.Errorf("%d unproven files are next to it; delete those that you do not need: rm %s%s*", maxAside, path, asideSuffix))
}

// Clear deletes the file of a registration token that was sealed. Or it sets it aside like
// SetAside, and returns the new name. It uses the first rule that applies:
//
//  1. If the service has accepted the token, Clear deletes the file, and each file aside
//     that contains a part of it.
//  2. If the token is doubtful, Clear sets the file aside: it may be a part of a
//     registration token.
//  3. If there is a file aside, Clear sets this file aside too: it may be the rest.
//  4. Otherwise Clear deletes the file.
//
// So Clear deletes no part of an only copy before the service has accepted the whole token.
// It calls taken only if the answer matters. The errors are those of Remove.
func Clear(path string, read Identity, doubtful bool, taken func() bool) (aside string, err error) {
	if !doubtful && len(ListAside(path)) == 0 {
		return "", Remove(path, read)
	}
	if !taken() {
		return SetAside(path, read)
	}
	return "", removeWithParts(path, path, read)
}

// ClearAside deletes a file aside that the service has accepted, like the first rule of
// Clear. The errors are those of Remove.
func ClearAside(aside string, read Identity) error {
	return removeWithParts(aside, OriginalName(aside), read)
}

// removeWithParts deletes the file at path, and the files aside of original that contain a
// part of it.
func removeWithParts(path, original string, read Identity) error {
	if gone, err := checkUnchanged(path, read); err != nil || gone {
		return err
	}
	whole, err := os.ReadFile(path) //nolint:gosec // the watched file
	if err != nil {
		return readError(path, err)
	}
	if err := Remove(path, read); err != nil {
		return err
	}
	for _, name := range ListAside(original) {
		part, err := os.ReadFile(name) //nolint:gosec // next to the watched file
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
	if err := os.Chmod(name, 0o600); err != nil { // the mode was already private
		return newError(name, fmt.Errorf("its mode cannot be set: %w; run: chmod 600 %s", files.TrimPath(err), name))
	}
	return nil
}
