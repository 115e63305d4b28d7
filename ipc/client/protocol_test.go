package client_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"regent/platform/localsock"
)

// blocks returns the page's examples in a language, for the socket at path.
func blocks(t *testing.T, language, path string) []string {
	t.Helper()
	b, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, m := range regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(string(b), -1) {
		if !strings.Contains(m[1], localsock.DefaultPath) {
			t.Errorf("an example does not name the socket:\n%s", m[1])
		}
		found = append(found, strings.ReplaceAll(m[1], localsock.DefaultPath, path))
	}
	if len(found) == 0 {
		t.Fatalf("the page has no example in %s", language)
	}
	return found
}

// runExample runs one and returns what it prints, which must be an answer
// without an error.
func runExample(t *testing.T, program string, args ...string) map[string]any {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if stream, ok := bytes.CutPrefix(out, []byte("event: instance\ndata: ")); ok {
		out = stream // of one event
	}
	var answer map[string]any
	if len(out) > 0 {
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	}
	if code := answer["code"]; code != nil {
		t.Errorf("%s: %v", code, answer["detail"])
	}
	return answer
}

func TestCurlExamples(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip(err)
	}
	path := serve(t)
	tokens := 0
	for _, example := range blocks(t, "sh", path) {
		if runExample(t, "sh", "-c", example)["access_token"] != nil {
			tokens++
		}
	}
	if tokens != 1 {
		t.Errorf("%d examples got a token, want 1", tokens)
	}
}

func TestPythonExample(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the example believes root and regent only, and this test's server is neither")
	}
	for _, example := range blocks(t, "python", serve(t)) {
		if runExample(t, "python3", "-c", example)["access_token"] == nil {
			t.Error("no token")
		}
	}
}
