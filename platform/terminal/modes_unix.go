//go:build linux || darwin

package terminal

import "golang.org/x/sys/unix"

// hideInput keeps the terminal from showing what is typed. Lines and signals stay the
// terminal's, so that Ctrl-C is one.
func hideInput(fd int) (restore func() error, err error) {
	before, err := unix.IoctlGetTermios(fd, getModes)
	if err != nil {
		return nil, err
	}
	hidden := *before
	hidden.Lflag &^= unix.ECHO
	hidden.Lflag |= unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, setModes, &hidden); err != nil {
		return nil, err
	}
	return func() error { return unix.IoctlSetTermios(fd, setModes, before) }, nil
}
