package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/api"
	"regent/ipc/client"
)

// systemProgram is a program that the system has. It is not run.
func systemProgram() string {
	if runtime.GOOS == "windows" {
		return "cmd"
	}
	return "sh"
}

func TestExec(t *testing.T) {
	tok := api.Token{AccessToken: sample, Application: "cad", Instance: "cad/2"}
	tests := []struct {
		name string
		args []string
		more []string // in the environment
	}{
		{"without the token", nil, nil},
		{"with the token", []string{"--env-token", "LM_TOKEN"}, []string{"LM_TOKEN=" + sample}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeDaemon{token: tok, exits: 7}
			args := append([]string{"exec", "--socket", "/run/s", "--application", "cad"}, tt.args...)
			got := cliRun{daemon: f}.run(t, append(args, "--", systemProgram(), "-c", "exit 7")...)
			if diff := cmp.Diff(got, result{Code: 7}); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
			want := []any{
				api.TokenRequest{Application: "cad"},
				[]string{systemProgram(), "-c", "exit 7"},
				append([]string{"PATH=/bin", "REGENT_SOCKET=/run/s", "REGENT_APPLICATION=cad", "REGENT_INSTANCE=2"}, tt.more...),
			}
			if diff := cmp.Diff(f.requests, want); diff != "" {
				t.Errorf("got -, want +:\n%s", diff)
			}
		})
	}
}

func TestExecRefused(t *testing.T) {
	f := &fakeDaemon{err: fault.New("token", fault.Denied, nil)}
	got := cliRun{daemon: f}.run(t, "exec", "--application", "cad", "--", systemProgram())
	if got.Code != exitDenied || !strings.Contains(got.Err, "must call the socket itself") {
		t.Errorf("%+v", got)
	}
	for _, args := range [][]string{{"--application", "cad"}, {"--", systemProgram()}, {"--application", "cad", "--", "no-such-program-here"}} {
		if got := (cliRun{daemon: &fakeDaemon{}}).run(t, append([]string{"exec"}, args...)...); got.Code != exitUsage {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestWatch(t *testing.T) {
	got := cliRun{daemon: &fakeDaemon{}}.run(t, "watch", "--application", "cad")
	if diff := cmp.Diff(got, result{Out: "cad/1  live, token 1\ncad/1  live, token 2\n"}); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
	got = cliRun{daemon: &fakeDaemon{}}.run(t, "watch", "--application", "cad", "--json")
	if want := `{"instance":"cad/1","state":"live","generation":1}`; !strings.HasPrefix(got.Out, want+"\n") {
		t.Errorf("got %q, want %s", got.Out, want)
	}
}

// The words of a waiting instance are those of status, and a removed one is named.
func TestWatchTexts(t *testing.T) {
	f := &fakeDaemon{
		events: []api.Event{{Instance: "cad/2", State: "unredeemed"}, {Instance: "cad/9", State: "unredeemed"}, {Instance: "cad/2", State: "removed"}},
		status: status.Status{Applications: []status.Application{{ID: "cad", Instances: []status.Instance{{Name: "cad/2", State: "unredeemed"}}}}},
	}
	got := cliRun{daemon: f}.run(t, "watch", "--application", "cad")
	want := "cad/2  waiting for a registration token\ncad/9  not redeemed yet\ncad/2  removed\n"
	if diff := cmp.Diff(got, result{Out: want}); diff != "" {
		t.Errorf("got -, want +:\n%s", diff)
	}
}

func TestExplain(t *testing.T) {
	f := &fakeDaemon{explained: api.Explanation{Application: "cad", PID: 42, UID: "1000", User: "alice", Groups: []string{"1000"}, Reason: "user alice (1000) is not among its users"}}
	got := cliRun{daemon: f}.run(t, "explain", "--pid", "42", "--application", "cad")
	if got.Code != exitDenied || got.Err != "" || !strings.Contains(got.Out, "Process 42 may not use cad") || !strings.Contains(got.Out, "alice (1000)") {
		t.Errorf("%+v", got)
	}
	f.explained.Allow = true
	if got := (cliRun{daemon: f}).run(t, "explain", "--pid", "42", "--application", "cad", "--json"); got.Code != exitDone || !strings.Contains(got.Out, `"allow": true`) {
		t.Errorf("%+v", got)
	}
	if got := (cliRun{daemon: f}).run(t, "explain", "--application", "cad"); got.Code != exitUsage {
		t.Errorf("without a process: %+v", got)
	}
}

// A watch ends if its application is removed, and regentd is reachable.
func TestWatchOfARemovedApplication(t *testing.T) {
	f := &fakeDaemon{events: []api.Event{{Instance: "cad/1", State: "removed"}}, err: fmt.Errorf("watch: %w", client.ErrNotReachable)}
	got := cliRun{daemon: f}.run(t, "watch", "--application", "cad")
	if want := exitCode(fault.New("watch", fault.UnknownApplication, nil)); got.Code != want || !strings.Contains(got.Err, "cad was removed from the configuration") {
		t.Errorf("got %+v, want code %d", got, want)
	}
	f.status.Applications = []status.Application{{ID: "cad"}}
	if got := (cliRun{daemon: f}).run(t, "watch", "--application", "cad"); strings.Contains(got.Err, "was removed") {
		t.Errorf("with the application: got %+v", got)
	}
}
