package localsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"

	"regent/platform/files"
	"regent/platform/layout"
)

// bufferSize is in bytes. Without a buffer a writer waits until the other side reads.
const bufferSize = 64 << 10

// listen returns an error if the pipe already exists: the library asks for the first
// instance. The pipe of a killed process disappears with its last handle.
func listen(path string) (net.Listener, error) {
	owner, err := pipeOwner()
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: "O:" + owner + layout.PipeAccess,
		InputBufferSize:    bufferSize,
		OutputBufferSize:   bufferSize,
	})
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY) {
		return nil, fmt.Errorf("listen at %s: %w: %w", path, ErrInUse, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	return holdFirstInstance(l, path)
}

// dial connects at identification level: the listener can identify the caller, but cannot
// act as the caller.
func dial(ctx context.Context, path string) (net.Conn, error) {
	c, err := winio.DialPipeAccessImpLevel(ctx, path, layout.PipeReadWrite, winio.PipeImpLevelIdentification)
	if err != nil && errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return c, err
}

// pipeOwner returns the owner that clients expect: Administrators if this process runs as
// an administrator, else its user. Only administrators can set that owner.
func pipeOwner() (sid string, err error) {
	if files.IsAdministrator() {
		return layout.AdministratorsSID, nil
	}
	return files.OwnSID()
}
