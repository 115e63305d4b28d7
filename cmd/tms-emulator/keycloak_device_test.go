//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKeycloakDevice goes the whole way with the real programs: tms-emulator with a
// Keycloak behind it, tmsctl as the administrator, regentd as the device, which
// refreshes for generations under each kind of rotation, is restarted, and notices
// that the administrator withdrew its auth token.
func TestKeycloakDevice(t *testing.T) {
	k := newKeycloak(t)
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/regentd", "./cmd/regent", "./cmd/tmsctl")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, tt := range []struct {
		name string
		set  map[string]any
	}{
		{"rotation strict", map[string]any{"revokeRefreshToken": true, "refreshTokenMaxReuse": 0}},
		{"rotation graced", map[string]any{"revokeRefreshToken": true, "refreshTokenMaxReuse": 1}},
		{"rotation off", map[string]any{"revokeRefreshToken": false, "refreshTokenMaxReuse": 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k.t = t
			tt.set["accessTokenLifespan"] = 6
			k.set(tt.set)
			p := start(t, "--idp", k.url, "--idp-client-secret-file", secretIn(t, realmSecret))
			d := newDevice(t, bin, p)
			d.register(1)
			d.daemon()
			d.await("generation 3", func(s string) bool { return generation(s) >= 3 })
			d.end()
			d.daemon()
			before := generation(d.status())
			d.await("two generations after a restart", func(s string) bool { return generation(s) >= before+2 })
			d.run("tmsctl", d.admin("auth-token", "delete", "--yes", d.authToken())...)
			d.await("revoked", func(s string) bool { return strings.Contains(s, `"revoked"`) })
			d.end()
		})
	}
}

// device is a device's directory, and its daemon while it runs.
type device struct {
	t        *testing.T
	bin, dir string
	service  *program
	cmd      *exec.Cmd
	log      *syncedBuffer
}

func newDevice(t *testing.T, bin string, p *program) *device {
	t.Helper()
	dir, err := os.MkdirTemp("", "rg") //nolint:usetesting // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a rest in a temporary directory fails nothing
	d := &device{t: t, bin: bin, dir: dir, service: p}
	d.write("password", realmAdmin)
	d.write("config.yaml", fmt.Sprintf(
		"tenant: %s\nregistration_token_file: %s\nnetwork: {ca_file: %s}\nlimits: {redeem_splay: 0s}\napplications:\n  - id: cad\n    allow: [{everyone: true}]\n",
		p.url, d.path("registration-token"), p.ca))
	return d
}

func (d *device) path(name string) string { return filepath.Join(d.dir, name) }

func (d *device) write(name, content string) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *device) admin(args ...string) []string {
	return append([]string{"--tenant", d.service.url, "--ca-file", d.service.ca, "--user", realmUser, "--password-file", d.path("password")}, args...)
}

func (d *device) run(name string, args ...string) []byte {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), filepath.Join(d.bin, name), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.Env = append(os.Environ(), "REGENT_SOCKET="+d.path("sock"), "NO_PROXY=*")
	out, err := cmd.Output()
	if err != nil && name == "tmsctl" {
		d.t.Fatalf("%s %v: %v\n%s", name, args, err, &said)
	}
	return out
}

func (d *device) register(count int) {
	d.t.Helper()
	d.run("tmsctl", d.admin("registration-token", "create", "--count", strconv.Itoa(count), "--identifier", "fleet", "--out", d.path("registration-token"))...)
}

// authToken is the id of the one that there is for this device.
func (d *device) authToken() string {
	d.t.Helper()
	var list []struct{ ID string }
	if err := json.Unmarshal(d.run("tmsctl", d.admin("--json", "auth-token", "list")...), &list); err != nil || len(list) != 1 {
		d.t.Fatalf("%v, %d auth tokens, want one", err, len(list))
	}
	return list[0].ID
}

func (d *device) daemon() {
	d.t.Helper()
	d.log = &syncedBuffer{}
	d.cmd = exec.CommandContext(context.WithoutCancel(d.t.Context()), filepath.Join(d.bin, "regentd"), "run", "--config", d.path("config.yaml"),
		"--policy-dir", d.path("policy.d"), "--state-dir", d.path("state"), "--socket", d.path("sock"))
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	cmd := d.cmd
	d.t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended, if all went well
	d.await("an answer", func(s string) bool { return strings.Contains(s, `"generation"`) })
}

func (d *device) end() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("regentd ended with %v:\n%s", err, d.log)
	}
}

func (d *device) status() string { return string(d.run("regent", "status", "--json")) }

// await waits until the status is as it is to be: real programs take real time.
func (d *device) await(what string, good func(string) bool) {
	d.t.Helper()
	end := time.Now().Add(90 * time.Second)
	for ; ; wait(300 * time.Millisecond) {
		s := d.status()
		if good(s) {
			d.t.Logf("%s: seen", what)
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("never saw %s; the last status:\n%s\n%s", what, s, d.log)
		}
	}
}

// generation is that of the first instance, or 0.
func generation(status string) int {
	_, rest, _ := strings.Cut(status, `"generation": `)
	n := 0
	_, _ = fmt.Sscanf(rest, "%d", &n) // none is 0
	return n
}
