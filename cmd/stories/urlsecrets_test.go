package stories

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// userinfo makes or takes what stands before the @ of a URL. A client prints that
// in its errors, and proxies log it.
var userinfo = regexp.MustCompile(`\burl\.(Userinfo|UserPassword|User)\b|\.SetBasicAuth\(`)

// proxies are the files that give a proxy its password.
var proxies = []string{"agent/address/proxy.go", "agent/tms/options.go"}

// TestNoSecretInAURL: only a proxy's password, which net/http takes in no other
// way, is ever put into a URL; never a registration token or its halves.
func TestNoSecretInAURL(t *testing.T) {
	var found []string
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		if name, _ := filepath.Rel(root, path); err == nil && userinfo.Match(b) {
			found = append(found, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Sort(found); !slices.Equal(found, proxies) {
		t.Errorf("%q put something into a URL's user information, want %q alone", found, proxies)
	}
}

// TestUserinfo plants what TestNoSecretInAURL is there to find.
func TestUserinfo(t *testing.T) {
	for text, want := range map[string]bool{
		"u.User = url.UserPassword(user, password)": true, "u.User = url.User(token)": true, "var _ *url.Userinfo": true,
		"r.SetBasicAuth(user, password)": true, "u, err := url.Parse(s)": false, "curl.Users()": false,
	} {
		if got := userinfo.MatchString(text); got != want {
			t.Errorf("%s: found: %v, want %v", text, got, want)
		}
	}
}
