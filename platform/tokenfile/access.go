package tokenfile

import (
	"fmt"
	"io/fs"
	"slices"
)

// checkMode decides over owner and mode. open is what others may do, in any of
// the mode's lower bits; others is who else may own the file besides root: the
// user of this process first; fixed says that it is on a read-only mount.
func checkMode(path string, mode, open fs.FileMode, uid int, others []int, fixed bool) error {
	if uid != 0 && !slices.Contains(others, uid) {
		mend := "sudo chown root " + path
		if fixed {
			mend = "it is mounted read-only, so give it to root where it is mounted from"
		}
		return newError(path, fmt.Errorf("belongs to user %d, so anybody could have put it there: %s", uid, mend))
	}
	if open != 0 {
		return newError(path, fmt.Errorf("has mode %04o, so others can %s it: chmod 600 %s", mode.Perm(), describeAccess(open), path))
	}
	return nil
}

// describeAccess says what the permission bits allow.
func describeAccess(bits fs.FileMode) string {
	switch {
	case bits&0o022 != 0:
		return "change"
	case bits&0o044 != 0:
		return "read"
	}
	return "run"
}
