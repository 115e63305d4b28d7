package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestIncompleteLists: a list that ends early is shown with a warning and exit code 3, and
// nothing is concluded from what is not in it.
func TestIncompleteLists(t *testing.T) {
	count := regexp.MustCompile(`"count":\s*1,\s*"registrationToken":\s*\[`)
	command, _ := changedReplies(t, func(body []byte) []byte {
		body = count.ReplaceAllFunc(body, func(b []byte) []byte { return bytes.Replace(b, []byte("1"), []byte("5"), 1) })
		return regexp.MustCompile(`\{"authTokens":.*`).ReplaceAll(body, []byte(`{"authTokens":{"count":1}}`))
	})
	file := filepath.Join(t.TempDir(), "delete.csv")
	if err := os.WriteFile(file, []byte("id,identifier\nx,y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		want []string
		not  []string
	}{
		{[]string{"auth-token", "list"}, 3, []string{"incomplete", "0 of 1", "--not-consumed"}, []string{"no auth tokens"}},
		{[]string{"auth-token", "list", "--json"}, 3, []string{`"incomplete": true`, `"total": 1`, `"auth_tokens": []`}, nil},
		{[]string{"auth-token", "list", "--csv"}, 3, []string{"incomplete", "id,identifier"}, nil},
		{[]string{"registration-token", "list"}, 3, []string{"fleet", "warning", "1 of 5"}, nil},
		{[]string{"registration-token", "list", "--json"}, 3, []string{`"incomplete": true`, `"listed": 1`, `"identifier": "fleet"`}, nil},
		{[]string{"investigate", "fleet"}, 1, []string{"incomplete"}, []string{"were deleted"}},
		{[]string{"plan", "--registration-token", "fleet"}, 1, []string{"incomplete"}, []string{"At this rate"}},
		{[]string{"auth-token", "delete", "--yes", "--from", file}, 1, []string{"incomplete"}, []string{"not there"}},
		{[]string{"registration-token", "delete", "--dry-run", "--from", file}, 1, []string{"incomplete"}, []string{"not there"}},
	} {
		code, out, said := command(tt.args...)
		all := out + said
		if code != tt.code {
			t.Errorf("%v: exit %d, want %d: %s", tt.args, code, tt.code, all)
		}
		for _, want := range tt.want {
			if !strings.Contains(all, want) {
				t.Errorf("%v: want %q in\n%s", tt.args, want, all)
			}
		}
		for _, not := range tt.not {
			if strings.Contains(all, not) {
				t.Errorf("%v: %q in\n%s", tt.args, not, all)
			}
		}
	}
}
