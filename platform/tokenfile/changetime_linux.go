package tokenfile

import (
	"io/fs"
	"syscall"
	"time"
)

// changeTime returns when the file's content or attributes last changed, which
// nobody can set back; zero where the system does not say.
func changeTime(info fs.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return time.Time{}
}
