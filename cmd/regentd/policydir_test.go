//go:build unix

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"regent/agent/authz"
	"regent/agent/policy"
)

// rollout is a random policy directory: files that are good, and what is wrong
// beside them.
type rollout struct {
	*rand.Rand
	dir  string
	bad  int // things that are wrong, each of which must be reported
	kind map[string]int
}

func (r *rollout) write(t *testing.T, name string, data []byte, mode fs.FileMode) {
	t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // the umask has no say
		t.Fatal(err)
	}
}

var goodSettings = []string{
	"tenant: demo-host.com", "audit: required", "log: {level: warn}", "network: {timeout: 10s, proxy: none}", "keep_registration_token: true",
	"limits: {redeem_splay: 5s}", "applications: [{id: cad, instances: 3, allow: [{groups: [engineering]}]}]", "applications: [{id: viewer, tenant: c, allow: [{everyone: true}]}]",
}

// good writes some files that are as they should be.
func (r *rollout) good(t *testing.T) {
	t.Helper()
	for i := range 1 + r.IntN(3) {
		var lines []string
		seen := map[string]bool{}
		for range 1 + r.IntN(3) {
			line := goodSettings[r.IntN(len(goodSettings))]
			if key, _, _ := strings.Cut(line, ":"); !seen[key] {
				seen[key] = true
				lines = append(lines, line)
			}
		}
		r.write(t, fmt.Sprintf("%d-good.yaml", i), []byte(strings.Join(lines, "\n")+"\n"), 0o644)
	}
}

// spoiled is a text that would change everything, were it taken.
const spoiled = "tenant: evil.example\naudit: best_effort\nlog: {level: debug}\napplications: [{id: cad, allow: [{everyone: true}]}, {id: backdoor, allow: [{everyone: true}]}]\n"

// spoil adds one thing that is wrong.
func (r *rollout) spoil(t *testing.T, i int) {
	t.Helper()
	name := fmt.Sprintf("%d-%d-bad.yaml", r.IntN(4), i)
	path := filepath.Join(r.dir, name)
	kinds := []string{"types", "unknown", "truncated", "bom", "utf16", "duplicate", "link", "writable", "directory", "secret", "nul", "twice", "suffix"}
	kind := kinds[r.IntN(len(kinds))]
	switch kind {
	case "types":
		r.write(t, name, []byte("tenant: [a]\naudit: 7\nlog: {level: {x: y}}\nnetwork: none\napplications: cad\n"), 0o644)
		r.bad += 4
	case "unknown":
		r.write(t, name, []byte("tenent: evil.example\nlog: {levle: debug}\napplications: [{id: cad, alow: [{everyone: true}]}]\n"), 0o644)
		r.bad += 2
	case "truncated":
		whole := spoiled[:strings.LastIndexByte(spoiled, '{')]
		r.write(t, name, []byte(whole), 0o644)
	case "bom":
		r.write(t, name, []byte("\xef\xbb\xbf"+spoiled), 0o644)
	case "utf16":
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, append([]uint16{0xfeff}, utf16.Encode([]rune(spoiled))...)); err != nil {
			t.Fatal(err)
		}
		r.write(t, name, b.Bytes(), 0o644)
	case "duplicate":
		r.write(t, name, []byte("audit: best_effort\naudit: best_effort\nlog: {level: debug, level: debug}\n"), 0o644)
		r.bad++
	case "link":
		r.write(t, "elsewhere", []byte(spoiled), 0o644)
		if err := os.Symlink("elsewhere", path); err != nil {
			t.Fatal(err)
		}
	case "writable":
		r.write(t, name, []byte(spoiled), []fs.FileMode{0o666, 0o664, 0o646}[r.IntN(3)])
	case "directory":
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
	case "secret":
		r.write(t, name, []byte("registration_token: s3cret\n"), 0o644)
	case "nul":
		r.write(t, name, []byte(spoiled+"\x00"), 0o644)
	case "twice":
		r.write(t, name, []byte("applications: [{id: cad, allow: [{everyone: true}]}, {id: cad, instances: 9}]\n"), 0o644)
	case "suffix":
		r.write(t, strings.TrimSuffix(name, "yaml")+"yml", []byte(spoiled), 0o644)
	}
	r.bad++
	r.kind[kind]++
}

// TestRandomPolicyDirectories: what is effective with all that is wrong is what
// is effective without it, and each of it is reported.
func TestRandomPolicyDirectories(t *testing.T) {
	const directories = 200
	kinds := map[string]int{}
	wrong, reported := 0, 0
	for seed := range uint64(directories) {
		local := policy.Layer{Name: "config.yaml", Rank: policy.Local, Data: []byte("tenant: local.example\napplications: [{id: cad, allow: [{users: [alice]}]}]\n")}
		r := &rollout{Rand: rand.New(rand.NewPCG(seed, 8)), dir: t.TempDir(), kind: kinds}
		r.good(t)
		paths := layerPaths{Config: "/nowhere", PolicyDir: r.dir}
		want, before := effective(t, paths, local)
		for i := range 1 + r.IntN(4) {
			r.spoil(t, i)
		}
		got, after := effective(t, paths, local)
		if diff := cmp.Diff(got.Settings, want.Settings, cmpopts.IgnoreFields(policy.Application{}, "Origin"), cmpopts.IgnoreFields(authz.Rule{}, "Origin"), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("seed %d: -with what is wrong +without\n%s\n%s", seed, diff, listing(t, r.dir))
		}
		if got, want := len(after)-len(before), r.bad; got < want {
			t.Fatalf("seed %d: %d things are wrong, but only %d problems more\n%s\n%s", seed, want, got, problemTexts(after), listing(t, r.dir))
		}
		for _, p := range after {
			if p.Fatal || strings.Contains(p.Error(), "s3cret") {
				t.Fatalf("seed %d: %v: fatal, or it repeats a secret", seed, p)
			}
		}
		wrong, reported = wrong+r.bad, reported+len(after)-len(before)
	}
	if len(kinds) < 13 {
		t.Errorf("only these kinds were tried: %v", kinds)
	}
	t.Logf("%d directories, %d things wrong, %d problems reported, by kind %v", directories, wrong, reported, kinds)
}

// effective resolves a directory as the daemon does. It takes every owner for
// root, so that anybody can run this; modes count.
func effective(t *testing.T, paths layerPaths, local policy.Layer) (policy.Resolved, []policy.Problem) {
	t.Helper()
	l := layerLoader{checkManaged: func(_ string, info fs.FileInfo) error {
		if info.Mode().IsRegular() && info.Mode().Perm()&0o022 != 0 {
			return errors.New("may be written by others")
		}
		return nil
	}}
	f := l.readAll(paths)
	res, problems := policy.Resolve(append([]policy.Layer{local}, f.Layers...)...)
	return res, append(f.Problems, problems...)
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		fmt.Fprintf(&b, "%s %s %v\n%q\n", e.Name(), e.Type(), err, data)
	}
	return b.String()
}
