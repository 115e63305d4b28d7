// Package exposure finds what of Regent's data on a Windows system is open to more
// people than is meant: the configuration, the registration token at its usual
// places, the state, the directories that they are in, and the pipe, each against
// its list in platform/windowsnames. The programs and the registry, which have the
// lists that Windows gives them, it does not look at. It must not mend anything,
// nor know who is told.
package exposure

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

// OfFiles looks at a directory of data with its configuration and its registration
// token, at the directory that an installer puts one into, as far as this user may
// look there, and at a state directory with all that is in it; what is not there is
// left out. Anything else that an administrator cannot look at is exposed too, since
// somebody made it so, and so is a link, which is not followed. An error that wraps
// [io/fs.ErrPermission] means that this user may not look, as it is meant, and saw
// nothing.
func OfFiles(data, state string) ([]Exposed, error) { return ofFiles(data, state) }

// OfPipe looks at the pipe that c, a client's end, is of.
func OfPipe(path string, c net.Conn) ([]Exposed, error) { return ofPipe(path, c) }
