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
	staff   = "S-1-5-21-1-2-3-2001"
	network = "S-1-5-2"
)

func TestCheckSameIdentity(t *testing.T) {
	for _, tt := range []struct {
		name            string
		client, process tokenIdentity
		want            string // "" if they agree
	}{
		{"the same", tokenIdentity{alice, []string{staff}}, tokenIdentity{alice, []string{staff}}, ""},
		{"another user", tokenIdentity{alice, nil}, tokenIdentity{bob, nil}, "runs as " + bob},
		{"elevated meanwhile", tokenIdentity{alice, []string{layout.AdministratorsSID}}, tokenIdentity{alice, nil}, "in the group " + layout.AdministratorsSID},
		{"gave a group up to call", tokenIdentity{alice, nil}, tokenIdentity{alice, []string{staff}}, ""},
		{"travelled", tokenIdentity{alice, []string{network}}, tokenIdentity{alice, nil}, ""},
	} {
		err := checkSameIdentity(tt.client, tt.process)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

func TestCheckServer(t *testing.T) {
	system := tokenIdentity{layout.SystemSID, []string{layout.AdministratorsSID}}
	for _, tt := range []struct {
		name, owner string
		server      tokenIdentity
		want        bool
	}{
		{"SYSTEM's, by its group", layout.AdministratorsSID, system, true},
		{"SYSTEM's own", layout.SystemSID, system, true},
		{"a user's own", alice, tokenIdentity{user: alice}, true},
		{"a user before a pipe of SYSTEM's", layout.SystemSID, tokenIdentity{user: alice}, false},
		{"not elevated", layout.AdministratorsSID, tokenIdentity{user: alice}, false},
	} {
		got, err := checkServer(tt.owner, tt.server)
		if (err == nil) != tt.want || err == nil && got != tt.owner {
			t.Errorf("%s: got %q, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

// TestIsGroupEnabled: a member of Administrators is none before elevation.
func TestIsGroupEnabled(t *testing.T) {
	for attributes, want := range map[uint32]bool{
		windows.SE_GROUP_ENABLED:                                      true,
		windows.SE_GROUP_ENABLED | windows.SE_GROUP_MANDATORY:         true,
		windows.SE_GROUP_USE_FOR_DENY_ONLY:                            false,
		windows.SE_GROUP_ENABLED | windows.SE_GROUP_USE_FOR_DENY_ONLY: false,
		0: false,
	} {
		if got := isGroupEnabled(attributes); got != want {
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

// TestTrustCheck asks about a place that anybody may write to, and names that are no
// place.
func TestTrustCheck(t *testing.T) {
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
		if err := (trust{}).check(path); err == nil || !strings.Contains(err.Error(), want) && want != "cannot find" {
			t.Errorf("%s: got %v, want an error with %q", path, err, want)
		}
	}
}
