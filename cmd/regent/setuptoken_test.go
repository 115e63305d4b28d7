package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/authz"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/platform/terminal"
)

// TestSetupAsksForADoubtfulToken: a bad form is reported at the question. The same answer
// again is used, since no form is certain.
func TestSetupAsksForADoubtfulToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(sound), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		answers []string
		said    string
		doubt   bool
	}{
		{[]string{sound}, "", false},
		{[]string{"half", sound}, "does not decode to user:password", false},
		{[]string{"half", "half"}, "type it again", true},
		{[]string{file, sound}, "the name of a file", false},
	} {
		var said strings.Builder
		n := 0
		a := setupAnswers{setup: setup{cli: &cli{runtimeEnv: runtimeEnv{err: &said, prompt: func(context.Context, string) ([]byte, error) {
			n++
			return []byte(tt.answers[n-1]), nil
		}}}, cmd: &cobra.Command{}}}
		var p setupPlan
		err := a.askToken(&p, "Token: ")
		if err != nil || n != len(tt.answers) || !strings.Contains(said.String(), tt.said) || (p.doubt != "") != tt.doubt || p.secret.IsZero() {
			t.Errorf("%q: got %v, %d questions, %q, doubt %q", tt.answers, err, n, said.String(), p.doubt)
		}
	}
}

// TestSetupChecksAnUnneededToken: a token that no instance needs is checked and named.
func TestSetupChecksAnUnneededToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	for _, tt := range []struct {
		name, content, want string
		code                int
	}{
		{"sound", sound, "It was not stored; the file stays.", 0},
		{"no token", "{}", "is JSON", 1},
		{"missing", "", "It was not read.", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := file + tt.name[:2]
			if tt.content != "" {
				if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d, _ := emptyDevice(t)
			config := d.status.ConfigFile
			d.status = servingDevice()
			d.status.ConfigFile = config
			keys(d,
				api.PolicyKey{Key: "tenant", Value: "https://demo-host.com", Level: "local", Source: "c:1"},
				api.PolicyKey{Key: "applications.cad.id", Value: "cad", Level: "local", Source: "c:2"},
				api.PolicyKey{Key: "applications.cad.instances", Value: "2", Level: "local", Source: "c:3"},
				api.PolicyKey{Key: "applications.cad.allow", Value: "[{everyone: true}]", Level: "local", Source: "c:4"})
			got := cliRun{daemon: d}.run(t, "setup", "--dry-run", "--token-file", path)
			text := strings.Join(strings.Fields(got.Out+got.Err), " ")
			if (got.Code != 0) != (tt.code != 0) || !strings.Contains(text, tt.want) {
				t.Errorf("got %+v, want code %d and %q", got, tt.code, tt.want)
			}
		})
	}
}

// TestSetupKeepsTheTokenFile: the file is deleted only if the service accepted its token.
// The command has a quoted path.
func TestSetupKeepsTheTokenFile(t *testing.T) {
	s := setup{cli: &cli{}}
	p := setupPlan{secret: token.NewSecret(sound), origin: tokenOrigin{path: filepath.Join("x", "my token")}}
	if text := s.undo(p); !strings.Contains(text, "Keep its file") || strings.Contains(text, "Delete") {
		t.Errorf("not accepted: got %q", text)
	}
	p.accepted = true
	if text := s.undo(p); !strings.Contains(text, terminal.Quote(p.origin.path)+"\n") || terminal.Quote(p.origin.path) == p.origin.path {
		t.Errorf("accepted: got %q", text)
	}
	p.secret = token.Secret{}
	if text := s.undo(p); text != "" {
		t.Errorf("not needed: got %q", text)
	}
}

// TestSetupNamesDeniedUsers: a user that no rule in force names is reported.
func TestSetupNamesDeniedUsers(t *testing.T) {
	for allow, want := range map[string]int{
		"[{users: [root]}]":                1,
		"[{users: [root, nobody-at-all]}]": 0,
		"[{users: [root]}, {groups: [x]}]": 0,
		"[{users: [user:nobody-at-all]}]":  0,
		"[{everyone: true}]":               0,
	} {
		p := setupPlan{id: "cad", file: setupFile{}.with(setupApplication{ID: "cad", Allow: []authz.Rule{{Users: []string{"nobody-at-all"}}}})}
		now := api.Policy{Keys: []api.PolicyKey{{Key: "applications.cad.allow", Value: allow, Source: "50-acme.yaml:4"}}}
		got := setup{cli: &cli{}}.deniedUsers(p, now)
		if len(got) != want || want > 0 && !strings.Contains(got[0], "50-acme.yaml:4") {
			t.Errorf("%s: got %q, want %d", allow, got, want)
		}
	}
}

// TestSetupWaitsForATokenUntilTheLimit: an input without an end, such as a FIFO without a
// writer, ends after --wait.
func TestSetupWaitsForATokenUntilTheLimit(t *testing.T) {
	in, out := io.Pipe()
	defer out.Close()
	cmd := &cobra.Command{}
	cmd.SetContext(t.Context())
	a := setupAnswers{setup: setup{cli: &cli{runtimeEnv: runtimeEnv{in: in}}, cmd: cmd, flags: setupFlags{tokenStdin: true, wait: time.Millisecond}}}
	var p setupPlan
	if err := a.readGivenToken(&p, 1); err == nil || !strings.Contains(err.Error(), "the limit of --wait") {
		t.Errorf("got %v", err)
	}
	if cmd.Context().Err() != nil {
		t.Error("the context of the command has ended")
	}
}
