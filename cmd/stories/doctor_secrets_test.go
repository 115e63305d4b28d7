//go:build unix

package stories

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/agent/tms/emulator"
	"regent/ipc/api"
)

// TestReportsHoldNoSecret: no way of telling how a device is tells a secret of
// it: not the screen, the JSON, the page, the bundle, nor the metrics.
func TestReportsHoldNoSecret(t *testing.T) {
	bin := programs(t)
	w := &sickDevice{testDevice: newTestDevice(t, bin, emulator.Knobs{AccessLifetime: time.Hour}, nil)}
	registration, err := os.ReadFile(filepath.Join(w.dir, "token"))
	must(t, err)
	w.edit(t, "applications:", "keep_registration_token: true\nmetrics_textfile: "+w.dir+"/regent.prom\napplications:")
	w.d = w.start(t)
	w.await(t, "live")
	granted, err := w.client.Token(t.Context(), api.TokenRequest{Application: "cad"})
	must(t, err)

	page, packed := filepath.Join(w.dir, "page.html"), filepath.Join(w.dir, "regent.zip")
	var told bytes.Buffer
	for _, args := range [][]string{
		{"status"},
		{"status", "--json"},
		{"status", "--html", page},
		{"bundle", "--out", packed},
		{"doctor"},
		{"doctor", "--json"},
		{"doctor", "--check-registration"},
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "regent"), append(args, "--socket", w.socket())...)
		cmd.Stdout, cmd.Stderr = &told, &told
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, &told)
		}
	}
	metrics, err := w.client.Metrics(t.Context())
	must(t, err)
	told.WriteString(metrics)
	for _, name := range []string{page, filepath.Join(w.dir, "regent.prom")} {
		b, err := os.ReadFile(name)
		must(t, err)
		told.Write(b)
	}
	unzip(t, packed, &told)

	if told.Len() < 8<<10 || !strings.Contains(told.String(), "cad/1") {
		t.Fatalf("only %d bytes were told", told.Len())
	}
	secrets := map[string]string{
		"the registration token": strings.TrimSpace(string(registration)), "the access token": granted.AccessToken,
		"what is signed of the access token": strings.Split(granted.AccessToken, ".")[1], "the administrator's password": w.service.Credentials().Password,
	}
	for what, secret := range secrets {
		if secret == "" || strings.Contains(told.String(), secret) {
			t.Errorf("%s is empty, or is told", what)
		}
	}
	t.Logf("%d bytes told in 7 ways and by metrics: 0 of %d secrets in them", told.Len(), len(secrets))
}

// unzip writes all files of a zip to w.
func unzip(t *testing.T, name string, w io.Writer) {
	t.Helper()
	z, err := zip.OpenReader(name)
	must(t, err)
	defer z.Close()
	for _, f := range z.File {
		r, err := f.Open()
		must(t, err)
		_, err = io.Copy(w, r)
		must(t, err)
		must(t, r.Close())
	}
}
