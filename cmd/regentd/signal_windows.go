package main

import "context"

// Run waits: Windows has no SIGHUP, and POST /v1/reload does the same.
func (r *reloader) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
