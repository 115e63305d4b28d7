//go:build unix

package peer

import (
	"os"
	"strconv"
)

func ownUser() (string, error) { return strconv.Itoa(os.Getuid()), nil }

func superusers() []string { return []string{"0"} }

func administers(id Identity) bool { return id.UID == "0" }
