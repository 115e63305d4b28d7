package main

import (
	"context"
	"os"
)

// hangups hears nothing: Windows has no SIGHUP, and POST /v1/reload does the same.
func hangups() (hup <-chan os.Signal, stop func()) { return nil, func() {} }

// Run waits.
func (r *reloader) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
