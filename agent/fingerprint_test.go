package agent

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"regent/agent/policy"
	"regent/agent/token"
)

// TestFingerprintIsForAdministrators: status and diagnosis tell it to them alone,
// and the log to nobody.
func TestFingerprintIsForAdministrators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		d.settings.Applications[1].Redeem = policy.OnDemand // so that the token is held
		d.settings.KeepRegistrationToken = true
		var log bytes.Buffer
		d.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		d.start(t)
		fingerprint := token.Fingerprint(token.NewSecret("registration"))
		other, _ := newCaller("mallory", 2)
		root, _ := newCaller("root", 3)
		root.Admin = true
		for by, want := range map[*Caller]bool{&other: false, &root: true} {
			st, err := d.Status(t.Context(), *by)
			if err != nil {
				t.Fatal(err)
			}
			diagnosis, err := d.Diagnose(t.Context(), *by)
			if err != nil {
				t.Fatal(err)
			}
			for what, value := range map[string]any{"status": st, "diagnosis": diagnosis} {
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.Contains(string(text), fingerprint); got != want {
					t.Errorf("%s of %s: has the fingerprint: %v, want %v", what, by.User, got, want)
				}
			}
			if _, err := d.Ledger(t.Context(), *by); (err == nil) != want {
				t.Errorf("ledger of %s: %v", by.User, err)
			}
		}
		d.stop()
		for _, name := range token.Fingerprints(token.NewSecret("registration")) {
			if strings.Contains(log.String(), name) {
				t.Errorf("the log has %s:\n%s", name, log.String())
			}
		}
	})
}
