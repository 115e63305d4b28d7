package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/agent/doctor"
	"regent/agent/fault"
	"regent/agent/status"
	"regent/ipc/api"
)

// TestBundleMembers compares every member of a bundle with its type: a renamed member would
// be missing from bundles without notice.
func TestBundleMembers(t *testing.T) {
	for i, v := range []any{bundleAbout{}, status.Status{}, bundleDoctor{}, []api.PolicyKey{}, &api.Store{}, []api.LedgerEntry{}} {
		have := jsonPaths("", reflect.TypeOf(v))
		for field := range strings.FieldsSeq(bundleParts[i].members) {
			name, how, _ := strings.Cut(field, ":")
			if !slices.Contains(have, "."+name) {
				t.Errorf("%s: there is no member %s", bundleParts[i].file, name)
			}
			if !slices.Contains([]string{"", nameOfUser, pathOfUser, textOfUser, allOfUser}, how) {
				t.Errorf("%s: %s may name users in the way %q", bundleParts[i].file, name, how)
			}
		}
	}
}

// jsonPaths lists the paths of a type's JSON.
func jsonPaths(at string, t reflect.Type) []string {
	switch {
	case t.Kind() == reflect.Pointer, t.Kind() == reflect.Slice:
		return jsonPaths(at, t.Elem())
	case t.Kind() != reflect.Struct, t == reflect.TypeFor[time.Time]():
		return []string{at}
	}
	var all []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous {
			all = append(all, jsonPaths(at, f.Type)...)
		} else {
			all = append(all, jsonPaths(at+"."+name, f.Type)...)
		}
	}
	return all
}

// A bundle contains no member that it does not name.
func TestBundleKeepsNoOtherMember(t *testing.T) {
	var v any
	if err := json.Unmarshal([]byte(`[{"a": {"secret": "s", "b": "kept", "c": {"secret": "s"}}, "secret": ["s"]}]`), &v); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(parseMembers("a.b a.c").keep(v, func(_, text string) string { return text }))
	if want := `[{"a":{"b":"kept","c":{}}}]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

// deviceWithUserNames is a device on which users' names are wherever they can be.
func deviceWithUserNames(names string) cliRun {
	st := troubledDevice()
	st.Applications[0].Instances[0].LastFault = &status.Fault{Code: "denied", Detail: "no rule admits user alice"}
	d := doctor.Daemon{
		Status: st, StateDir: "/var/lib/regent",
		Denials:       []doctor.Denial{{Application: "cad", User: "mallory", Exe: "/home/mallory/cad", Reason: "user mallory (uid 1007) is not among its users"}},
		ServiceChecks: []doctor.ServiceCheck{{Host: "demo-host.com", Stage: fault.StageDNS, Failure: "no such host"}},
	}
	d.Status.Tenants[0].RegistrationToken.Source = "regent register by alice, file /home/alice/token"
	return cliRun{
		daemon: &fakeDaemon{
			status: st, diagnosis: d, ledger: api.Ledger{Entries: []api.LedgerEntry{{Kind: "resolved", By: "alice"}}}, store: api.Store{State: "ok"},
			policy: api.Policy{Keys: []api.PolicyKey{
				{Key: "applications.cad.allow", Value: "[{users: [alice, mallory]}]", Level: "local"},
				{Key: namesKey, Value: names, Level: "managed"},
			}},
		},
		localFacts: soundFacts(),
		queryUnits: func(context.Context) ([]doctor.Unit, error) { return nil, nil },
	}
}

// wantPrivateMode holds a file that was written to its mode. Windows has no modes:
// the access list of the file's directory says it there.
func wantPrivateMode(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode != 0o600 {
		t.Errorf("%s has mode %v, want 0600", file, mode)
	}
}

// bundleFiles writes a bundle and returns its files.
func bundleFiles(t *testing.T, s cliRun, flags ...string) map[string]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "regent.zip")
	got := s.run(t, append(flags, "bundle", "--out", file)...)
	if got.Code != exitDone || got.Err != "" {
		t.Fatalf("got %+v", got)
	}
	wantPrivateMode(t, file)
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil || !json.Valid(b) {
			t.Fatalf("%s is no JSON: %v", f.Name, err)
		}
		out[f.Name] = string(b)
		if !strings.Contains(got.Out, f.Name) {
			t.Errorf("%s was not listed:\n%s", f.Name, got.Out)
		}
	}
	return out
}

func TestBundle(t *testing.T) {
	files := bundleFiles(t, deviceWithUserNames("true"))
	for name, want := range map[string]string{
		"about.json": `"user_names": true`, "status.json": `"user": "alice"`, "doctor.json": `"code": "dns_failed"`,
		"policy.json": "mallory", "store.json": `"state": "ok"`, "ledger.json": `"by": "alice"`,
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %s:\n%s", name, want, files[name])
		}
	}
	if len(files) != 6 {
		t.Errorf("%d files, want 6", len(files))
	}
}

// Where policy says so no name of a user is in any file, nor where the reader may
// not know what policy says.
func TestBundleWithoutNames(t *testing.T) {
	unread := deviceWithUserNames("true")
	unread.daemon.policy = api.Policy{}
	for name, s := range map[string]cliRun{"policy says no": deviceWithUserNames("false"), "policy is not known": unread} {
		t.Run(name, func(t *testing.T) {
			for file, text := range bundleFiles(t, s) {
				for _, user := range []string{"alice", "mallory", `"eve"`, "1007", "/home/"} {
					if strings.Contains(text, user) {
						t.Errorf("%s has %q:\n%s", file, user, text)
					}
				}
			}
		})
	}
}

// Without a daemon the bundle is written all the same, and a list is never null.
func TestBundleWithoutADaemon(t *testing.T) {
	s := deviceWithUserNames("true")
	s.daemon = nil
	for name, text := range bundleFiles(t, s, "--socket", filepath.Join(t.TempDir(), "none.sock")) {
		if strings.Contains(text, "null") && name != "store.json" {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

// A list is no file, and one has to say where the file goes.
func TestBundleList(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if got := deviceWithUserNames("false").run(t, "bundle", "--list"); got.Code != exitDone || !strings.Contains(got.Out, "ledger.json") || !strings.Contains(got.Out, "Names of users are left out") {
		t.Errorf("got %+v", got)
	}
	if got := deviceWithUserNames("false").run(t, "bundle"); got.Code != exitUsage {
		t.Errorf("got %+v", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
