package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"regent/platform/layout"
)

const (
	alice   = "S-1-5-21-1-2-3-1001"
	bob     = "S-1-5-21-1-2-3-1002"
	staff   = "S-1-5-21-1-2-3-2001"
	network = "S-1-5-2"
)

func TestAgree(t *testing.T) {
	for _, tt := range []struct {
		name            string
		client, process identity
		want            string // "" if they agree
	}{
		{"the same", identity{alice, []string{staff}}, identity{alice, []string{staff}}, ""},
		{"another user", identity{alice, nil}, identity{bob, nil}, "runs as " + bob},
		{"elevated meanwhile", identity{alice, []string{layout.AdministratorsSID}}, identity{alice, nil}, "in the group " + layout.AdministratorsSID},
		{"gave a group up to call", identity{alice, nil}, identity{alice, []string{staff}}, ""},
		{"travelled", identity{alice, []string{network}}, identity{alice, nil}, ""},
	} {
		err := agree(tt.client, tt.process)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestServes(t *testing.T) {
	system := identity{layout.SystemSID, []string{layout.AdministratorsSID}}
	for _, tt := range []struct {
		name, owner string
		server      identity
		want        bool
	}{
		{"SYSTEM's, by its group", layout.AdministratorsSID, system, true},
		{"SYSTEM's own", layout.SystemSID, system, true},
		{"a user's own", alice, identity{user: alice}, true},
		{"a user before a pipe of SYSTEM's", layout.SystemSID, identity{user: alice}, false},
		{"not elevated", layout.AdministratorsSID, identity{user: alice}, false},
	} {
		got, err := serves(tt.owner, tt.server)
		if (err == nil) != tt.want || err == nil && got != tt.owner {
			t.Errorf("%s: got %q, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// TestCounts: a member of Administrators is none before elevation.
func TestCounts(t *testing.T) {
	for attributes, want := range map[uint32]bool{
		windows.SE_GROUP_ENABLED:                                      true,
		windows.SE_GROUP_ENABLED | windows.SE_GROUP_MANDATORY:         true,
		windows.SE_GROUP_USE_FOR_DENY_ONLY:                            false,
		windows.SE_GROUP_ENABLED | windows.SE_GROUP_USE_FOR_DENY_ONLY: false,
		0: false,
	} {
		if got := counts(attributes); got != want {
			t.Errorf("%#x: got %v, want %v", attributes, got, want)
		}
	}
}

func TestAdministers(t *testing.T) {
	for _, tt := range []struct {
		name string
		id   Identity
		want bool
	}{
		{"SYSTEM", Identity{UID: layout.SystemSID}, true},
		{"elevated", Identity{UID: alice, GIDs: []string{layout.AdministratorsSID}}, true},
		{"a user", Identity{UID: alice, GIDs: []string{staff}}, false},
		{"nobody", Identity{}, false},
	} {
		if got := tt.id.Administers(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestBelieve asks about a place that anybody may write to, and names that are no
// place.
func TestBelieve(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cad.exe")
	if err := os.WriteFile(file, []byte("MZ"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		file:                               "belongs to",
		file + "2":                         "cannot find",
		`cad.exe`:                          "not a clean absolute path",
		filepath.Dir(file) + `\..\cad.exe`: "not a clean absolute path",
	} {
		if err := (trust{}).believe(path); err == nil || !strings.Contains(err.Error(), want) && want != "cannot find" {
			t.Errorf("%s: got %v, want an error with %q", path, err, want)
		}
	}
}
