//go:build unix

package device

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkWriter refuses a file that anybody but root and this process's own user
// could have written.
func checkWriter(i fs.FileInfo) error {
	st, ok := i.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("[unexpected] the system does not tell its owner")
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to uid %d, want root", st.Uid)
	}
	if i.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("its mode is %#o, so others may write it", i.Mode().Perm())
	}
	return nil
}
