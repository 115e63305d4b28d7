package files

import (
	"errors"
	"net"
)

// ErrUnsupported means that exposures are not checked on this system.
var ErrUnsupported = errors.New("not supported on this system")

// Exposure is an object that an unintended user may access.
type Exposure struct {
	Path       string
	Problem    string // in words
	FixCommand string // for an administrator
}

// FileExposures checks a data directory with its configuration and registration token, its
// directory for the installer's token, and a state directory with its content. Missing
// objects are skipped, and so is the installer's directory if this user may not read it. An
// object that an administrator cannot read is exposed, since somebody has denied that. A
// link is exposed too, and is not followed. An error that wraps [io/fs.ErrPermission] means
// that this user has no access, as intended, and that nothing was found.
func FileExposures(data, state string) ([]Exposure, error) { return fileExposures(data, state) }

// PipeExposures checks the pipe of c, which is a client's end.
func PipeExposures(path string, c net.Conn) ([]Exposure, error) { return pipeExposures(path, c) }
