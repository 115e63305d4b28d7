package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
)

// TestFiltersAreIgnored: no auth token of others is listed or proposed for deletion
// where the service ignores its filters, or does not show the registration token.
func TestFiltersAreIgnored(t *testing.T) {
	for _, shows := range []string{`,"registrationToken":"ok"`, `,"registrationToken":{"id":"2"}`, ``} {
		e, url := newService(t, emulator.Knobs{}, func(e *emulator.Emulator) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/authTokens"):
					fmt.Fprintf(w, `{"authTokens":[{"id":"a1","identifier":"x","fqdn":"ws-1"%s}],"totalCount":1}`, shows)
				case strings.HasSuffix(r.URL.Path, "/registrationTokens"):
					fmt.Fprint(w, `{"registrationTokens":[{"id":"1","identifier":"aaa","count":4},{"id":"2","identifier":"ok","count":4}],"totalCount":2}`)
				default:
					e.ServeHTTP(w, r)
				}
			})
		})
		devices := filepath.Join(t.TempDir(), "devices.csv")
		if err := os.WriteFile(devices, []byte("fqdn\nother\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{
			{"auth-token", "list", "--fqdn", "oldhost", "--csv"},
			{"auth-token", "list", "--registration-token", "aaa", "--csv"},
			{"auth-token", "list", "--identifier", "nosuch", "--csv"},
			{"investigate", "aaa", "--devices", devices, "--csv"},
		} {
			code, out, said := runTyped(t, e, url, "", args...)
			rows := strings.Count(out, "a1,")
			if code != 0 || rows > 0 && (args[0] != "investigate" || shows != "" || !strings.Contains(out, ",no") || !strings.Contains(said, "does not show")) {
				t.Errorf("%s, %v: exit %d, %s%s", shows, args, code, out, said)
			}
		}
	}
}
