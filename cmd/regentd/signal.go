package main

import "context"

// Run reloads at each SIGHUP until ctx is done.
func (r *reloader) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.hup:
			_ = r.reload(ctx) // reload has logged why it failed; the daemon goes on
		}
	}
}
