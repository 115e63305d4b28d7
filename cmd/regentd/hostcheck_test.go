package main

import (
	"encoding/pem"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regent/agent/policy"
	"regent/agent/token"
)

// TestHostChecker: what is well-formed and cannot work here is a warning that names
// the line, and says what to do.
func TestHostChecker(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	here := hostChecker{
		Device: policy.Device{
			System: "linux",
			UserID: func(name string) (string, error) {
				return map[string]string{"alice": "1000", "alicia": "1000", "30961": "8675", "77": "77", "0815": "5"}[name], nil
			},
			GroupID: func(name string) (string, error) {
				return map[string]string{"engineering": "2000", "12": "9"}[name], nil
			},
			ReadFile: func(name string) ([]byte, error) {
				switch name {
				case "/etc/passwd":
					return []byte("root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nalicia:x:1000:1000::/:/bin/sh\n"), nil
				case "/etc/group":
					return []byte("root:x:0:\nengineering:x:2000:alice\n"), nil
				case "/good.pem":
					return append([]byte("a comment\n"), certificate...), nil
				case "/key.pem":
					return []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), nil
				}
				return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
			},
			IsMissing: func(name string) bool { return name != "/there" && name != "/usr/bin/cad" },
		},
		readCredentials: func(name string) (token.Secret, error) {
			switch name {
			case "/bad":
				return token.Secret{}, errors.New("is not one line of the form user:password")
			case "/none", "/closed":
				return token.Secret{}, &fs.PathError{Op: "open", Path: name, Err: map[string]error{"/none": fs.ErrNotExist, "/closed": fs.ErrPermission}[name]}
			}
			return token.Secret{}, nil
		},
		checkWriters: func(name string) ([]permissionWarning, error) {
			switch name {
			case "/everybodys":
				return nil, errors.New("may be written by every user; run: chmod o-w /everybodys")
			case "/staff/credentials":
				return []permissionWarning{{"/staff", "is reached by /staff, which may be written by the group with gid 50"}}, nil
			}
			return nil, nil
		},
	}
	for _, tt := range []struct {
		name, yaml, want string
		refused          bool
	}{
		{"all is there", "network: {ca_file: /good.pem}\nregistration_token_file: /there/token\n", "", false},
		{"no file of certificates", "network: {ca_file: /none.pem}", "c:1: network.ca_file: /none.pem cannot be read: file does not exist; put", false},
		{"no certificate in it", "network:\n  ca_file: /key.pem", "c:2: network.ca_file: /key.pem holds no certificate", true},
		{"credentials that everybody may write", "network: {proxy_credentials_file: /everybodys}", "c:1: network.proxy_credentials_file: /everybodys may be written by every user; run: chmod o-w /everybodys; until then it is not used", true},
		{"credentials that a group may write", "network: {proxy_credentials_file: /staff/credentials}", "c:1: network.proxy_credentials_file: /staff/credentials is reached by /staff, which may be written by the group with gid 50", false},
		{"credentials that are none", "network: {proxy_credentials_file: /bad}", "c:1: network.proxy_credentials_file: /bad is not one line", true},
		{"credentials that are missing", "network: {proxy_credentials_file: /none}", "c:1: network.proxy_credentials_file: /none", false},
		{"credentials that only the daemon reads", "network: {proxy_credentials_file: /closed}", "c:1: network.proxy_credentials_file: /closed", false},
		{"no collector", "metrics_textfile: /nowhere/regent.prom", "c:1: metrics_textfile: the directory /nowhere does not exist", false},
		{"no directory", "registration_token_file: /nowhere/token", "c:1: registration_token_file: the directory /nowhere does not exist", false},
		{"an application's", "tenant: demo-host.com\napplications:\n  - id: cad\n    registration_token_file: /nowhere/token\n    allow: [{users: [alice]}]\n", "c:4: applications.cad.registration_token_file: the directory /nowhere", false},
		{"known", rule("users: [alice, 4711, 'uid:4711', 'user:alice', S-1-5-18, 77], groups: [engineering, 13, 'gid:12', 'group:12'], executables: [{path: /usr/bin/cad}]"), "", false},
		{"unknown user", rule("users: [alice, bob]"), "c:2: applications.cad.allow: there is no user bob on this device", false},
		{"a second name", rule("users: [alicia]"), "c:2: applications.cad.allow: alicia is a second name of alice (uid:1000), so it admits nobody; write alice, or uid:1000", false},
		{"unknown group", rule("groups: [sales]"), "c:2: applications.cad.allow: there is no group sales on this device", false},
		{"misspelt group", rule("groups: [enginering]"), "c:2: applications.cad.allow: there is no group enginering on this device, so it admits nobody; did you mean engineering?", false},
		{"misspelt user", rule("users: ['user:alcie']"), "c:2: applications.cad.allow: there is no user alcie on this device, so it admits nobody; did you mean alice?", false},
		{"a group under users", rule("users: [engineering]"), "c:2: applications.cad.allow: there is no user engineering on this device, so it admits nobody; there is a group of that name: write it under groups", false},
		{"a user's number that is a name", rule("users: [30961]"), "c:2: applications.cad.allow: 30961 is the name of a user (uid:8675), but a number means uid:30961, so it admits neither; write user:30961 or uid:30961", false},
		{"a group's number that is a name", rule("groups: [12]"), "c:2: applications.cad.allow: 12 is the name of a group (gid:9), but a number means gid:12, so it admits neither; write group:12 or gid:12", false},
		{"a number that no id is", rule("users: ['007']"), "c:2: applications.cad.allow: 007 is not a valid id of a user", false},
		{"a name that looks like an id", rule("users: ['0815']"), "c:2: applications.cad.allow: 0815 is the name of a user (uid:5)", false},
		{"a number too large", rule("users: [4294967296]"), "c:2: applications.cad.allow: 4294967296 is not a valid id of a user", false},
		{"no user's id", rule("users: [4294967295]"), "c:2: applications.cad.allow: uid:4294967295 means \"no user\" (it is -1), so it admits nobody; write the id of the user, or user:NAME", false},
		{"no group's id", rule("groups: ['gid:4294967295']"), "c:2: applications.cad.allow: gid:4294967295 means \"no group\"", false},
		{"no id of 16 bits", rule("users: ['uid:65535']"), "c:2: applications.cad.allow: uid:65535 means \"no user\"", false},
		{"minus one", rule("users: ['-1']"), "c:2: applications.cad.allow: there is no user -1 on this device", false},
		{"units", rule("units: [cad.service, cad.slice, 'cad@1.service', session-1.scope, dbus-org.example.cad.service]"), "", false},
		{"a unit's suffix", rule("units: [cad.servcie]"), "c:2: applications.cad.allow: unit cad.servcie admits nobody: no process is ever in a unit of type .servcie; did you mean cad.service?", false},
		{"a timer", rule("units: [cad.timer]"), "c:2: applications.cad.allow: unit cad.timer admits nobody: no process is ever in a unit of type .timer", false},
		{"a template", rule("units: ['cad-x@.service']"), `c:2: applications.cad.allow: unit cad-x@.service admits nobody: it is a template, and its instances have other names; write cad-x@INSTANCE.service, or their slice, system-cad\x2dx.slice`, false},
		{"a pattern", rule("units: ['cad@*.service']"), "c:2: applications.cad.allow: unit cad@*.service admits nobody: patterns are not supported", false},
		{"the root slice", rule("units: [-.slice]"), "c:2: applications.cad.allow: unit -.slice admits nobody: the root slice contains every unit", false},
		{"no name of a slice", rule("units: [cad--x.slice]"), "c:2: applications.cad.allow: unit cad--x.slice admits nobody: it is not a valid name", false},
		{"executables alone", rule("executables: [{path: /usr/bin/cad}]"), "c:2: applications.cad.allow: executables alone keep no local user out: who may start the program can make it run other code (LD_PRELOAD", false},
		{"an interpreter", rule("users: [alice], executables: [{path: /usr/bin/python3.11}]"), "c:2: applications.cad.allow: /usr/bin/python3.11 runs any script", false},
		{"not installed yet", rule("users: [alice], executables: [{path: /opt/cad/cad}]"), "c:2: applications.cad.allow: /opt/cad/cad does not exist here yet", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := checkConfig(t, here, tt.yaml)
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0].Error(), tt.want) || got[0].Fatal != tt.refused) {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
}

// TestCheckOtherSystems: what only other systems have admits nobody here, and what signers
// alone admit is more than it seems, and is said so.
func TestCheckOtherSystems(t *testing.T) {
	for _, tt := range []struct{ system, rule, want string }{
		{"linux", "units: [cad.service]", ""},
		{"windows", "units: [cad.service]", "c:2: applications.cad.allow: units need systemd, so the rule admits nobody on this system"},
		{"darwin", "units: [cad.service]", "c:2: applications.cad.allow: units need systemd"},
		{"windows", "users: [alice], signers: ['O=Example GmbH, C=DE']", ""},
		{"windows", "groups: [engineering], signers: ['O=Example GmbH, C=DE']", ""},
		{"windows", "signers: ['O=Example GmbH, C=DE']", "c:2: applications.cad.allow: signers alone keep no local user out"},
		{"windows", "signers: ['sha256:" + strings.Repeat("ab", 32) + "']", "c:2: applications.cad.allow: signers alone keep no local user out"},
		{"linux", "users: [alice], signers: ['O=Example GmbH, C=DE']", "c:2: applications.cad.allow: signers need Windows, so the rule admits nobody on this system"},
		{"windows", "users: [alice], signers: ['CN=Microsoft Windows, O=Microsoft Corporation, C=US']", "c:2: applications.cad.allow: CN=Microsoft Windows, O=Microsoft Corporation, C=US also signs interpreters"},
		{"windows", `users: [alice], signers: ['O="Oracle America, Inc."']`, `c:2: applications.cad.allow: O="Oracle America, Inc." also signs`},
		{"windows", `users: [alice], signers: [O=Microsoft Corporation], executables: [{path: 'C:\cad\cad.exe'}]`, ""},
		{"windows", "users: [alice], signers: [O=Microsoft Corporation of Example]", ""},
	} {
		t.Run(tt.system+" "+tt.rule, func(t *testing.T) {
			known := func(string) (string, error) { return "1", nil }
			none := func(string) ([]byte, error) { return nil, fs.ErrNotExist }
			here := hostChecker{Device: policy.Device{System: tt.system, UserID: known, GroupID: known, ReadFile: none, IsMissing: func(string) bool { return false }}}
			got := checkConfig(t, here, rule(tt.rule))
			if tt.want == "" && len(got) > 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0].Error(), tt.want) || got[0].Fatal) {
				t.Errorf("got %v, want %q", got, tt.want)
			}
		})
	}
}

// checkConfig are what a machine says of a configuration without a mistake.
func checkConfig(t *testing.T, here hostChecker, yaml string) []policy.Problem {
	t.Helper()
	res, problems := policy.Resolve(policy.Layer{Name: "c", Rank: policy.Local, Data: []byte(yaml)})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return here.check(res)
}

func rule(of string) string {
	return "tenant: demo-host.com\napplications: [{id: cad, allow: [{" + of + "}]}]\n"
}

// TestMisnamedConfiguration: a file that would never be read is spoken of.
func TestMisnamedConfiguration(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "config.yml"), []byte("tenant: demo-host.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := layerLoader{}.readAll(layerPaths{Config: filepath.Join(dir, "config.yaml")})
	if !slices.ContainsFunc(found.Problems, func(p policy.Problem) bool {
		return !p.Fatal && strings.Contains(p.Error(), "config.yml: is not read; rename it to end in .yaml")
	}) {
		t.Errorf("got %v", found.Problems)
	}
}

func TestMetricsFileIsADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "metrics.prom")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	res, problems := policy.Resolve(policy.Layer{Name: "c", Rank: policy.Local, Data: []byte("\nmetrics_textfile: '" + dir + "'\n")})
	if err := policy.Fatal(problems); err != nil {
		t.Fatal(err)
	}
	if err := policy.Fatal(checkMetricsFile(res)); err == nil || !strings.Contains(err.Error(), "c:2: metrics_textfile: "+dir+" is a directory; write the path of a file") {
		t.Errorf("%v", err)
	}
}
