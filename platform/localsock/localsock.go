// Package localsock listens on and connects to the local socket, on Windows a named pipe.
//
// It makes no access decisions. Any local user may connect, and the listener asks the
// kernel for that user.
package localsock

import (
	"context"
	"errors"
	"net"

	"regent/platform/layout"
)

var (
	// ErrInUse means that another process already listens at the address.
	ErrInUse = errors.New("another process listens there")
	// ErrNoListener means that no process listens at the address. The socket remains from
	// a process that was killed.
	ErrNoListener = errors.New("no process listens there")
)

// DefaultPath is the address of an installed daemon.
var DefaultPath = layout.DefaultPaths().Socket

// Listen listens at path for every local user. It creates a missing parent directory. It
// replaces the socket of a killed process, but not that of a running one ([ErrInUse]). It
// never replaces a file that is not a socket.
//
// Closing the listener removes path, unless another file has replaced it. If two callers
// find the same old socket at the same moment, both may replace it, and clients reach the
// last one. Daemons need a lock of their own to prevent this.
func Listen(path string) (net.Listener, error) { return listen(path) }

// Dial connects to path. Its errors wrap [io/fs.ErrNotExist], [io/fs.ErrPermission] or
// [ErrNoListener] if one of them applies, and the context's error after its end. The caller
// must identify the listener before it sends anything.
func Dial(ctx context.Context, path string) (net.Conn, error) { return dial(ctx, path) }
