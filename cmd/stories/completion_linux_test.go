package stories

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
)

var allShells = flag.Bool("all-shells", false, "TestCompletion fails where bash-completion, zsh or fish is missing")

// bashCompletion is the file of the package bash-completion that a shell reads.
const bashCompletion = "/usr/share/bash-completion/bash_completion"

// completionCases are what a person types before the key TAB, and the words that the shell then
// runs.
var completionCases = []struct {
	typed string
	want  []string
}{
	{"regent stat", []string{"regent", "status"}},
	{"regent doctor --check-reg", []string{"regent", "doctor", "--check-registration"}},
	{"regent token --application c", []string{"regent", "token", "--application", "cad"}},
	{"regent token --application=c", []string{"regent", "token", "--application=cad"}},
	{"regent token --application sim-lite --instance ", []string{"regent", "token", "--application", "sim-lite", "--instance", "1"}},
	{"regent instances forget s", []string{"regent", "instances", "forget", "sim-lite/1"}},
	{"tmsctl registration-token cr", []string{"tmsctl", "registration-token", "create"}},
	{"tmsctl --profile ac", []string{"tmsctl", "--profile", "acme"}},
	{"tmsctl profile use ac", []string{"tmsctl", "profile", "use", "acme"}},
	{"tmsctl --profile eu:w", []string{"tmsctl", "--profile", "eu:west"}},
	{"tmsctl --profile=eu:w", []string{"tmsctl", "--profile=eu:west"}},
	{"tmsctl --profile our", []string{"tmsctl", "--profile", "our tenant"}},
}

// completionShells are the shells, and the ways in which a person loads the scripts.
var completionShells = []struct {
	name    string
	needs   string // a file, or a program in PATH
	args    []string
	startup string // what is typed first
}{
	{name: "bash", needs: "bash", args: []string{"bash", "--norc", "--noprofile"}, startup: `source <(regent completion bash); source <(tmsctl completion bash)`},
	{name: "bash, the installed files", needs: "bash", args: []string{"bash", "--norc", "--noprofile"}, startup: `source $SHARE/bash-completion/completions/regent; source $SHARE/bash-completion/completions/tmsctl`},
	{name: "bash-completion", needs: bashCompletion, args: []string{"bash", "--norc", "--noprofile"}, startup: `source ` + bashCompletion},
	{name: "zsh", needs: "zsh", args: []string{"zsh", "-f"}, startup: `bindkey -e; autoload -Uz compinit && compinit -u; source <(regent completion zsh); source <(tmsctl completion zsh)`},
	{name: "zsh, the installed files", needs: "zsh", args: []string{"zsh", "-f"}, startup: `bindkey -e; fpath=($SHARE/zsh/vendor-completions $fpath); autoload -Uz compinit && compinit -u`},
	{name: "fish", needs: "fish", args: []string{"fish", "--no-config"}, startup: `regent completion fish | source; tmsctl completion fish | source`},
	{name: "fish, the installed files", needs: "fish", args: []string{"fish"}},
}

// choices are the keys that make a shell list its choices. A terminal that shows no menu does
// not show fish's.
var choices = map[string]string{"bash": "regent re\t\t", "zsh": "regent re\t", "fish": "complete -C 'regent re'\r"}

// TestCompletion presses TAB in the real shells. It reads the command line that the shell makes
// of it, by a printf in front of it.
func TestCompletion(t *testing.T) {
	device := completionDevice(t)
	for _, shell := range completionShells {
		t.Run(shell.name, func(t *testing.T) {
			t.Parallel()
			needsShell(t, shell.needs)
			s := startShell(t, device, shell.args)
			s.say(t, shell.startup)
			s.prompt(t)
			for _, c := range completionCases {
				if got, want := s.completeInTime(t, c.typed), "<"+strings.Join(c.want, "><")+">"; got != want {
					t.Errorf("%s TAB: it runs %s, want %q", c.typed, got, c.want)
				}
			}
			s.list(t, choices[shell.args[0]], "register", "reload", "Give the agent")
		})
	}
	t.Run("powershell", func(t *testing.T) {
		needsShell(t, "pwsh")
		const script = `regent completion powershell | Out-String | Invoke-Expression
			(TabExpansion2 'regent token --application c' 28).CompletionMatches.CompletionText`
		cmd := exec.CommandContext(t.Context(), "pwsh", "-NoProfile", "-Command", script)
		cmd.Env = completionEnv(device)
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "cad" {
			t.Errorf("got %q, %v, want cad", out, err)
		}
	})
}

// needsShell skips a test without a program or a file. There is no pwsh in Debian.
func needsShell(t *testing.T, name string) {
	t.Helper()
	_, err := exec.LookPath(name)
	if filepath.IsAbs(name) {
		_, err = os.Stat(name)
	}
	switch {
	case err != nil && *allShells && name != "pwsh":
		t.Fatal(err)
	case err != nil:
		t.Skipf("not tested: %v", err)
	}
}

// completionDevice makes a device that answers, profiles of tmsctl, and the scripts where the
// packages install them.
func completionDevice(t *testing.T) *testDevice {
	t.Helper()
	s := newFilledDevice(t, `
  - {id: cad, instances: 2, allow: [{everyone: true}]}
  - {id: sim-lite, instances: 1, allow: [{everyone: true}]}
`)
	s.write(t, "profiles.yaml", `profiles:
  acme: {tenant: "https://acme.example.com"}
  "eu:west": {tenant: "https://west.example.com"}
  our tenant: {tenant: "https://own.example.com"}
`)
	for _, program := range []string{"regent", "tmsctl"} {
		for shell, file := range map[string]string{
			"bash": "bash-completion/completions/" + program,
			"zsh":  "zsh/vendor-completions/_" + program,
			"fish": "fish/vendor_completions.d/" + program + ".fish",
		} {
			script, err := exec.Command(filepath.Join(s.bin, program), "completion", shell).Output()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(s.dir, "share", file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			writeFile(t, path, string(script))
		}
	}
	return s
}

// newFilledDevice makes a device with these applications. Its regentd answers.
func newFilledDevice(t *testing.T, applications string) *testDevice {
	t.Helper()
	s := newTestDevice(t, programs(t), emulator.Knobs{}, nil)
	config, err := os.ReadFile(filepath.Join(s.dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before, _, _ := strings.Cut(string(config), "applications:")
	s.write(t, "config.yaml", before+"applications:"+applications)
	d := s.start(t)
	t.Cleanup(func() { d.stop(t) })
	return s
}
