package localsock

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// readWrite is FILE_GENERIC_READ and FILE_GENERIC_WRITE without
// FILE_CREATE_PIPE_INSTANCE, which the generic right to write holds too.
const readWrite = 0x12019b

// access is who may do what with the pipe, from its first moment: nobody from
// the network anything, SYSTEM and Administrators everything, authenticated
// users readWrite.
const access = "D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;0x12019b;;;AU)"

// bufferSize in bytes; without one a writer waits until the other side reads.
const bufferSize = 64 << 10

// listen fails if the pipe exists already: the library asks for the first
// instance. What a killed process left goes with its last handle.
func listen(path string) (net.Listener, error) {
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: access,
		InputBufferSize:    bufferSize,
		OutputBufferSize:   bufferSize,
	})
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_PIPE_BUSY) {
		return nil, fmt.Errorf("listen at %s: %w: %w", path, ErrInUse, err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	return l, nil
}

// dial connects at identification level: the listener learns who calls and
// cannot act as the caller.
func dial(ctx context.Context, path string) (net.Conn, error) {
	c, err := winio.DialPipeAccessImpLevel(ctx, path, readWrite, winio.PipeImpLevelIdentification)
	if err != nil && errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return c, err
}
