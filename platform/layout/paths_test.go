package layout

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultPathsAreAbsoluteAndDistinct(t *testing.T) {
	p := DefaultPaths()
	seen := map[string]string{}
	for name, path := range map[string]string{
		"Config": p.Config, "ConfigDir": p.ConfigDir, "PolicyDir": p.PolicyDir,
		"RegistrationToken": p.RegistrationToken, "StateDir": p.StateDir, "Socket": p.Socket,
	} {
		if path == "" && name == "PolicyDir" {
			continue
		}
		if !filepath.IsAbs(path) || filepath.Clean(path) != path {
			t.Errorf("%s: %q is not a clean absolute path", name, path)
		}
		if other, ok := seen[path]; ok {
			t.Errorf("%s and %s are both %q", name, other, path)
		}
		seen[path] = name
	}
	// regentd takes the drop-ins from beside the configuration file.
	if got, want := p.ConfigDir, filepath.Join(filepath.Dir(p.Config), "config.d"); got != want {
		t.Errorf("ConfigDir: got %q, want %q", got, want)
	}
	// What only the daemon may read is not among what everybody may.
	if strings.HasPrefix(p.Config, p.StateDir+string(filepath.Separator)) {
		t.Errorf("Config %q is in StateDir %q", p.Config, p.StateDir)
	}
}
