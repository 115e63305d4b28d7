//go:build unix

package main

import (
	"context"

	"golang.org/x/sys/unix"
)

// execProgram replaces this process, so that the lease, which is the process's, is
// the program's.
func execProgram(_ context.Context, path string, argv, env []string) (int, error) {
	return 0, unix.Exec(path, argv, env)
}
