package tokenfile

import (
	"fmt"
	"io/fs"
	"slices"
)

// checkMode checks owner and mode. open has the access of others, in any of the lower mode
// bits. others are the allowed owners besides root, this process's user first. fixed means
// that the file is on a read-only mount.
func checkMode(path string, mode, open fs.FileMode, uid int, others []int, fixed bool) error {
	if uid != 0 && !slices.Contains(others, uid) {
		advice := "run: sudo chown root " + path
		if fixed {
			advice = "change its owner to root at the source of the mount: here it is read-only"
		}
		return newError(path, fmt.Errorf("belongs to user %d, so anybody could have put it there; %s", uid, advice))
	}
	if open != 0 {
		return newError(path, fmt.Errorf("has mode %04o, so others can %s it; run: chmod 600 %s", mode.Perm(), describeAccess(open), path))
	}
	return nil
}

// describeAccess returns the verb for the permission bits.
func describeAccess(bits fs.FileMode) string {
	switch {
	case bits&0o022 != 0:
		return "change"
	case bits&0o044 != 0:
		return "read"
	}
	return "run"
}
