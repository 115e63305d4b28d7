package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
)

func TestFaultsAreExplained(t *testing.T) {
	tests := []struct {
		name string
		err  error
		code int
		want string
	}{
		{
			"advice only", fault.New("token", fault.NotRegistered, nil).WithInstance("cad/1"), 5,
			"regent: cad/1: not_registered: waiting for a registration token\nAn administrator runs: " + fault.Commands("sudo regent register --file FILE") + "\n",
		},
		{
			"own words", fault.Errorf("token", fault.Denied, "alice is not in the group engineering"), 4,
			"regent: denied: alice is not in the group engineering\n",
		},
		{
			"retry", fault.New("token", fault.Throttled, nil).WithRetry(time.Minute), 1,
			"regent: throttled: too many requests (try again in 1 min)\n",
		},
		{"cause stays in the log", fault.New("token", fault.Internal, errors.New("cause")), 1, "regent: internal: this is a defect of regentd\nThe cause is in its log: journalctl -u regentd, or on Windows the event log (source regentd)\n"},
		{"foreign controls", fault.Errorf("token", fault.Unavailable, "%s", "\x1b[2J"), 1, "regent: unavailable: ?[2J\n"},
		{"interrupted", fmt.Errorf("get: %w", context.Canceled), 1, "regent: interrupted\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := cliRun{daemon: &fakeDaemon{err: tt.err}}.run(t, "token", "--application", "cad", "--instance", "1")
			if diff := cmp.Diff(got, result{tt.code, "", tt.want}); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}
