//go:build unix

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// Run reloads at each SIGHUP until ctx is done.
func (r *reloader) Run(ctx context.Context) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			_ = r.reload(ctx) // reload has logged why it failed; the daemon goes on
		}
	}
}
