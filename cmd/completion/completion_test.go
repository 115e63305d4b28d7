package completion

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWrite(t *testing.T) {
	root := &cobra.Command{Use: "regent"}
	for _, shell := range Shells() {
		var script bytes.Buffer
		if err := Write(&script, root, shell); err != nil || !strings.Contains(script.String(), "__regent_") {
			t.Errorf("%s: got %d bytes, %v", shell, script.Len(), err)
		}
	}
	if err := Write(t.Output(), root, "tcsh"); err == nil {
		t.Error("tcsh: got no error")
	}
}

func TestCommand(t *testing.T) {
	wrong := errors.New("wrong")
	usage := func(_ *cobra.Command, text string) error { return errors.Join(wrong, errors.New(text)) }
	for _, args := range [][]string{{}, {"tcsh"}, {"bash", "zsh"}, {"bash|zsh"}} {
		cmd := Command("regent", usage)
		cmd.SetArgs(args)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		if err := cmd.Execute(); !errors.Is(err, wrong) {
			t.Errorf("%v: got %v, want an error of usage", args, err)
		}
	}
}

// TestJoinedWords runs the function that replaces the package bash-completion's.
func TestJoinedWords(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip(err)
	}
	for _, tt := range []struct{ line, split, want string }{
		{"regent st", "regent st", "<regent><st> cur=st prev=regent"},
		{"regent ", "regent ''", "<regent><> cur= prev=regent"},
		{"regent --a=b", "regent --a = b", "<regent><--a=b> cur=--a=b prev=regent"},
		{"regent --a=", "regent --a =", "<regent><--a=> cur=--a= prev=regent"},
		{"regent --a= b", "regent --a = b", "<regent><--a=><b> cur=b prev=--a="},
		{"regent --p eu:we", "regent --p eu : we", "<regent><--p><eu:we> cur=eu:we prev=--p"},
		{"regent a::b", "regent a :: b", "<regent><a::b> cur=a::b prev=regent"},
		{`regent "a b" c`, `regent '"a b"' c`, `<regent><"a b"><c> cur=c prev="a b"`},
	} {
		script := "words() {\n" + joinWords + "}\nCOMP_WORDS=(" + tt.split + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_POINT=${#COMP_LINE}
words; printf '<%s>' "${words[@]}"; printf ' cur=%s prev=%s' "$cur" "$prev"`
		cmd := exec.CommandContext(t.Context(), bash, "-uc", script)
		cmd.Env = []string{"COMP_LINE=" + tt.line}
		got, err := cmd.CombinedOutput()
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.line, got, err, tt.want)
		}
	}
}
