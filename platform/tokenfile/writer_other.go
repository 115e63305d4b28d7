//go:build unix && !linux

package tokenfile

import (
	"io/fs"
	"os"
	"time"
)

// hasWriter does not know: nothing of this system's is asked.
func hasWriter(*os.File) (open, known bool) { return false, false }

// isReadOnlyMount does not know either, and so forgives nothing.
func isReadOnlyMount(string) bool { return false }

// isMountPoint does not know.
func isMountPoint(string) bool { return false }

// changeTime is zero: size and time of writing have to do.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
