//go:build !windows

package store

import (
	"errors"
	"os"
)

// syncPath makes the names in a directory durable.
func syncPath(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the state directory, which the daemon was given
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
