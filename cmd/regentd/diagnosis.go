package main

import (
	"context"
	"os"
	"path/filepath"

	"regent/agent"
	"regent/ipc/api"
)

// diagnose adds to what the agent sees what only the daemon knows of itself.
func (r *reloader) diagnose(ctx context.Context, by agent.Caller) (api.Diagnosis, error) {
	d, err := r.agent.Diagnose(ctx, by)
	if err != nil {
		return api.Diagnosis{}, err
	}
	d.PID = os.Getpid()
	d.Config, d.StateDir, d.Socket = absolute(r.config), absolute(r.stateDir), absolute(r.socket)
	return d, nil
}

// absolute is path for somebody in another directory.
func absolute(path string) string {
	whole, err := filepath.Abs(path)
	if err != nil {
		return path // the working directory is gone: this much is known
	}
	return whole
}
