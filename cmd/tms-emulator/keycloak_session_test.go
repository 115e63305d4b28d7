//go:build unix

package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// idPattern is what status says of sessions of 36 s: lives are told in whole seconds.
var idPattern = regexp.MustCompile("sessions end after about 3[456] s: this tenant needs offline tokens")

// TestKeycloakSessionEnd: a realm with a session maximum ends all instances of a
// device, whatever they refresh. Each is refresh_expired, status and doctor name
// the maximum, and policy spends one more count for each, and no second one.
func TestKeycloakSessionEnd(t *testing.T) {
	k := newKeycloak(t)
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/regentd", "./cmd/regent", "./cmd/tmsctl")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	k.set(map[string]any{"accessTokenLifespan": 12, "ssoSessionMaxLifespan": 36})
	for _, tt := range []struct {
		name, config string
		counts       string
	}{
		{"wait", "", `"confirmed": 3,`},
		{"redeem", "keep_registration_token: true\nrefresh: {on_refresh_expired: redeem}\n", `"confirmed": 6,`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.t = t
			p := start(t, "--idp", k.url, "--idp-client-secret-file", secretIn(t, realmSecret))
			d := newDevice(t, bin, p)
			d.write("config.yaml", tt.config+read(t, d.path("config.yaml"))+"    instances: 3\n")
			d.register(7)
			d.daemon()
			d.await("three instances", func(s string) bool { return strings.Count(s, `"state": "live"`) == 3 })
			d.await("the counts", func(s string) bool { return strings.Contains(s, tt.counts) })
			d.await("the end of all three", func(s string) bool { return strings.Count(s, `"state": "refresh_expired"`) == 3 })
			s := d.status()
			if !strings.Contains(s, tt.counts) || !strings.Contains(s, `"sessions_end_after_seconds": 3`) {
				t.Errorf("want %s and a session's length of 36 s:\n%s", tt.counts, s)
			}
			if text := string(d.run("regent", "status")); !idPattern.MatchString(text) {
				t.Errorf("regent status does not say that sessions end:\n%s", text)
			}
			if text := string(d.run("regent", "doctor")); !strings.Contains(text, "session_ends") || !strings.Contains(text, "refresh_expired") {
				t.Errorf("regent doctor does not name it:\n%s", text)
			}
			d.end()
		})
	}
}
