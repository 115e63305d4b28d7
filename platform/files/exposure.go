package files

import (
	"errors"
	"net"
)

// ErrUnsupported means that this system has no access lists that are looked at.
var ErrUnsupported = errors.New("not supported on this system")

// Exposure is a thing that somebody may use who is not meant to.
type Exposure struct {
	Path       string
	Problem    string // what is wrong, in words
	FixCommand string // the command with which an administrator sets it right
}

// FileExposures looks at a directory of data with its configuration and its registration
// token, at the directory that an installer puts one into, as far as this user may
// look there, and at a state directory with all that is in it; what is not there is
// left out. Anything else that an administrator cannot look at is exposed too, since
// somebody made it so, and so is a link, which is not followed. An error that wraps
// [io/fs.ErrPermission] means that this user may not look, as it is meant, and saw
// nothing.
func FileExposures(data, state string) ([]Exposure, error) { return fileExposures(data, state) }

// PipeExposures looks at the pipe that c, a client's end, is of.
func PipeExposures(path string, c net.Conn) ([]Exposure, error) { return pipeExposures(path, c) }
