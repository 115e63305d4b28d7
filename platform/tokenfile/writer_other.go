//go:build unix && !linux

package tokenfile

import (
	"io/fs"
	"os"
	"time"
)

// hasWriter returns that writers are unknown on this system.
func hasWriter(*os.File) (open, known bool) { return false, false }

// isReadOnlyMount returns false: mounts are unknown on this system, so every check applies.
func isReadOnlyMount(string) bool { return false }

// isMountPoint returns false: mounts are unknown on this system.
func isMountPoint(string) bool { return false }

// changeTime returns zero: this system has only size and time of writing.
func changeTime(fs.FileInfo) time.Time { return time.Time{} }
