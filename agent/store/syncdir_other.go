//go:build !windows

package store

import (
	"errors"
	"os"
)

// SyncDir makes the file names in a directory durable. Other packages use it for their
// files beside the store.
func SyncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the state directory, which the daemon was given
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
