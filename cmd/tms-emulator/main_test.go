package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/emulator"
)

// asProgram makes the test binary the program itself.
const asProgram = "TMS_EMULATOR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string // on standard error
	}{
		{"argument", []string{"start"}, 2, `unexpected argument "start"`},
		{"unknown flag", []string{"--port", "1"}, 2, "unknown flag: --port"},
		{"not a duration", []string{"--latency", "5"}, 2, "--latency"},
		{"contradiction", []string{"--rotation", "off", "--reuse-grace", "1s"}, 2, "reuse grace 1s: needs rotation on"},
		{"bad token path", []string{"--token-path", "sso"}, 2, "must be /auth/ or /"},
		{"fail without status", []string{"--fail", "class=redeem"}, 2, "status is missing"},
		{"fail with nonsense", []string{"--fail", "status=500,often"}, 2, `"often"`},
		{"drop with status", []string{"--drop", "status=500"}, 2, "has none"},
		{"fault of no class", []string{"--fail", "class=nobody,status=500"}, 2, `class "nobody"`},
		{"password file missing", []string{"--admin-password-file", filepath.Join(dir, "none")}, 1, "write it first, or leave the flag out"},
		{"password file empty", []string{"--admin-password-file", empty}, 1, "must hold one line"},
		{"secret file empty", []string{"--client-secret-file", empty}, 1, "--client-secret-file"},
		{"no such address", []string{"--listen", "192.0.2.1:0"}, 1, "listen on 192.0.2.1:0"},
		{"no such directory", []string{"--ca-out", filepath.Join(dir, "none", "ca.pem")}, 1, "--ca-out: write "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(tt.args, &stdout, &stderr)
			if code != tt.code || !strings.Contains(stderr.String(), tt.says) {
				t.Errorf("exit %d: %s, want %d: …%s…", code, &stderr, tt.code, tt.says)
			}
			if stdout.Len() != 0 {
				t.Errorf("standard output has %q, want nothing", &stdout)
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	for flag, says := range map[string]string{"--help": "--ca-out", "--version": "tms-emulator version "} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{flag}, &stdout, &stderr); code != 0 || !strings.Contains(stdout.String(), says) {
			t.Errorf("%s: exit %d, %s, want 0 and …%s…", flag, code, &stdout, says)
		}
	}
}

func TestFaultFlags(t *testing.T) {
	got, err := faults(
		[]string{"class=redeem,status=429,count=2,retry-after=5", "status=500,after-commit"},
		[]string{"class=refresh", "count=3"})
	if err != nil {
		t.Fatal(err)
	}
	want := []emulator.Fault{
		{Class: emulator.ClassRedeem, Status: 429, Count: 2, RetryAfter: "5"},
		{Status: 500, AfterCommit: true},
		{Class: emulator.ClassRefresh, AfterCommit: true},
		{Count: 3, AfterCommit: true},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("faults (-got +want):\n%s", diff)
	}
}
