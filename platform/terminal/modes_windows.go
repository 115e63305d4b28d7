package terminal

import (
	"context"

	"golang.org/x/sys/windows"
)

// untilQuit returns a context that the caller can end. A console has no further signals.
func untilQuit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithCancel(ctx)
}

// hideInput stops the console from showing the input. It leaves line editing and signals on,
// so Ctrl-C works.
func hideInput(fd int) (restore func() error, err error) {
	console := windows.Handle(fd)
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	hidden := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	if err := windows.SetConsoleMode(console, hidden); err != nil {
		return nil, err
	}
	return func() error { return windows.SetConsoleMode(console, before) }, nil
}
