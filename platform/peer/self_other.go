//go:build unix && !linux

package peer

import (
	"os"
	"strconv"
)

func ownUser() (string, error) { return strconv.Itoa(os.Getuid()), nil }
