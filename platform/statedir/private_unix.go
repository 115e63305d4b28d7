//go:build unix

package statedir

import "os"

// makeParents creates the directories above the state directory with mode 0755: others share
// them, for example /var/lib.
func makeParents(dir string) error { return os.MkdirAll(dir, 0o755) } //nolint:gosec // see above

// makePrivate creates a directory that only this user may access, from its creation.
func makePrivate(path string) error { return os.Mkdir(path, 0o700) } //nolint:gosec // the directory that the daemon was given
