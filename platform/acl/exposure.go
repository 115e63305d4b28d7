package acl

import (
	"errors"
	"net"
)

// ErrUnsupported means that this system has no access lists that are looked at.
var ErrUnsupported = errors.New("not supported on this system")

// Exposed is a thing that somebody may use who is not meant to.
type Exposed struct {
	Path string
	Who  string // what is wrong, in words
	Mend string // the command with which an administrator sets it right
}

// ExposedFiles looks at a directory of data with its configuration and its registration
// token, at the directory that an installer puts one into, as far as this user may
// look there, and at a state directory with all that is in it; what is not there is
// left out. Anything else that an administrator cannot look at is exposed too, since
// somebody made it so, and so is a link, which is not followed. An error that wraps
// [io/fs.ErrPermission] means that this user may not look, as it is meant, and saw
// nothing.
func ExposedFiles(data, state string) ([]Exposed, error) { return ofFiles(data, state) }

// ExposedPipe looks at the pipe that c, a client's end, is of.
func ExposedPipe(path string, c net.Conn) ([]Exposed, error) { return ofPipe(path, c) }
