//go:build unix

package statedir

import "os"

// makeParents makes the directories above the state directory, with mode 0755:
// they are shared with others, as /var/lib is.
func makeParents(dir string) error { return os.MkdirAll(dir, 0o755) } //nolint:gosec // see above

// makePrivate makes a directory that is this user's alone from its first moment.
func makePrivate(path string) error { return os.Mkdir(path, 0o700) } //nolint:gosec // the directory that the daemon was given
