package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunWithCore(t *testing.T) {
	errCore, errLoop := errors.New("core failed"), errors.New("loop failed")
	// lives ends d after it is told to, or by itself after most.
	lives := func(most, d time.Duration, err error, note func()) func(context.Context) error {
		return func(ctx context.Context) error {
			defer note()
			select {
			case <-ctx.Done():
				time.Sleep(d)
				return ctx.Err()
			case <-time.After(most):
				return err
			}
		}
	}
	const long = time.Hour
	for _, tt := range []struct {
		name       string
		core, loop time.Duration // when each ends by itself
		want       error
	}{
		{"told to stop", long, long, nil},
		{"the core fails", time.Minute, long, errCore},
		{"a loop fails", long, time.Minute, errLoop},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var order []string
				note := func(name string) func() { return func() { order = append(order, name) } }
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				err := runWithCore(ctx,
					lives(tt.core, 0, errCore, note("core")),
					lives(tt.loop, 5*time.Second, errLoop, note("loop")),
				)
				if tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("outlasting = %v, want %v", err, tt.want)
				}
				last := order[len(order)-1]
				if len(order) != 2 || !errors.Is(tt.want, errCore) && last != "core" {
					t.Errorf("ended in the order %q, want the core last", order)
				}
			})
		})
	}
}
