//go:build unix

package main

import (
	"context"

	"golang.org/x/sys/unix"
)

// execProgram replaces this process with the program, so the program has the lease.
func execProgram(_ context.Context, path string, argv, env []string) (int, error) {
	return 0, unix.Exec(path, argv, env)
}
