//go:build linux || darwin

package terminal

import (
	"context"
	"os/signal"

	"golang.org/x/sys/unix"
)

// untilQuit returns a context that ends also when the terminal hangs up or a person presses
// Ctrl-\. Without it these signals end the program at once, and the input stays hidden.
func untilQuit(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, unix.SIGHUP, unix.SIGQUIT)
}

// hideInput stops the terminal from showing the input. It leaves line editing and signals
// on, so Ctrl-C works.
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
