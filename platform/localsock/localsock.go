// Package localsock listens on and connects to the local socket, on Windows a named
// pipe.
//
// It does not decide who may talk: any local user may connect, and the listener asks
// the kernel who that is.
package localsock

import (
	"context"
	"errors"
	"net"

	"regent/platform/layout"
)

var (
	// ErrInUse means that somebody listens at the address already.
	ErrInUse = errors.New("another process listens there")
	// ErrNoListener means that nobody listens at the address: what listened there
	// was killed.
	ErrNoListener = errors.New("no process listens there")
)

// DefaultPath is where an installed daemon listens.
var DefaultPath = layout.DefaultPaths().Socket

// Listen listens at path for every local user. What a killed process left there
// is replaced, a live listener's is not ([ErrInUse]), and anything that is no
// socket is not touched. A missing parent directory is made.
//
// Closing the listener removes path, unless something else is there by then.
// Two callers that find the same remains at the same moment may both replace
// them, and the last one is reached: a lock elsewhere keeps daemons apart.
func Listen(path string) (net.Listener, error) { return listen(path) }

// Dial connects to path. Its errors wrap [io/fs.ErrNotExist],
// [io/fs.ErrPermission] or [ErrNoListener] where these say what is wrong, and the
// context's error once that is done. Who listens is for the caller to find out
// before it says anything.
func Dial(ctx context.Context, path string) (net.Conn, error) { return dial(ctx, path) }
