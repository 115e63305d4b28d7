package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"regent/agent/authz"
)

// TestDebconfWritesTheFileOfSetup: the Debian package writes the file that regent setup
// would write for the same answers, and no file for answers that are not valid.
func TestDebconfWritesTheFileOfSetup(t *testing.T) {
	all, err := os.ReadFile("../../packaging/deb/postinst")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		id, instances, users string
		want                 *setupApplication
	}{
		{"cad", "2", "alice, bob", &setupApplication{ID: "cad", Instances: 2, Allow: []authz.Rule{{Users: []string{"alice", "bob"}}}}},
		{"cad", "1", "alice,bob,", &setupApplication{ID: "cad", Instances: 1, Allow: []authz.Rule{{Users: []string{"alice", "bob"}}}}},
		{"3d", "1", "4711", &setupApplication{ID: "3d", Instances: 1, Allow: []authz.Rule{{Users: []string{"4711"}}}}},
		{"cad", "1", "", &setupApplication{ID: "cad", Instances: 1}},
		{"CAD", "1", "", nil},
		{"-x", "1", "", nil},
		{"null", "1", "", nil},
		{"c d", "1", "", nil},
		{"cad", "", "", nil},
		{"cad", "0", "", nil},
		{"cad", "1x", "", nil},
		{"cad", "10000", "", &setupApplication{ID: "cad", Instances: 10000}},
		{"cad", "10001", "", nil},
		{"cad", "100000", "", nil},
		{"cad", "1", "*", nil},
		{"cad", "1", "a]}", nil},
		{"cad", "1", "Yes", nil},
		{"cad", "1", "a\nb: c", nil},
	} {
		functions := "word() {" + between(t, string(all), "\nword() {", "\n}\n") + "\n}\napplication_yaml() {" + between(t, string(all), "\napplication_yaml() {", "\n}\n") + "\n}\n"
		out, err := exec.CommandContext(t.Context(), "sh", "-c", functions+`application_yaml "$@"`, "sh", tt.id, tt.instances, tt.users).Output()
		if (err == nil) != (tt.want != nil) {
			t.Errorf("%q, %q, %q: got %v and %q", tt.id, tt.instances, tt.users, err, out)
			continue
		}
		if tt.want != nil && string(out) != (setupFile{}).with(*tt.want).render() {
			t.Errorf("%q, %q, %q: got\n%swant\n%s", tt.id, tt.instances, tt.users, out, (setupFile{}).with(*tt.want).render())
		}
	}
}

// between returns the text of all between two texts.
func between(t *testing.T, all, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(all, from)
	text, _, end := strings.Cut(rest, to)
	if !ok || !end {
		t.Fatalf("postinst has no %q", from)
	}
	return text
}
