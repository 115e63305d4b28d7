package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
)

// execProgram runs the program and waits. This process has the lease. The program, its
// direct child, may use it.
func execProgram(ctx context.Context, path string, argv, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, path, argv[1:]...) //nolint:gosec // the program that the person names
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return ended.ExitCode(), nil
	}
	return 0, err
}
