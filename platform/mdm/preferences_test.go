package mdm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"howett.net/plist"
)

const sample = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>Tenant</key><string>demo-host.com</string>
<key>KeepRegistrationToken</key><true/>
<key>LimitsRedeemUncertainRetries</key><integer>2</integer>
<key>Odd</key><real>1.5</real>
<key>When</key><date>2026-11-23T08:00:00Z</date>
<key>Applications</key><array><dict><key>id</key><string>cad</string><key>instances</key><integer>2</integer></dict></array>
</dict></plist>`

func anyOwner(fs.FileInfo) error { return nil }

// TestReadPreferences reads the same settings in the format that people write
// and in the one that macOS keeps.
func TestReadPreferences(t *testing.T) {
	var v any
	if _, err := plist.Unmarshal([]byte(sample), &v); err != nil {
		t.Fatal(err)
	}
	binary, err := plist.Marshal(v, plist.BinaryFormat)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"xml": sample, "binary": string(binary)} {
		path := filepath.Join(t.TempDir(), "com.regent.agent.plist")
		write(t, path, data)
		got, err := ReadPreferences(path, anyOwner)
		want := []Value{
			{"Applications", path + ": Applications", []any{map[string]any{"id": "cad", "instances": int64(2)}}},
			{"KeepRegistrationToken", path + ": KeepRegistrationToken", true},
			{"LimitsRedeemUncertainRetries", path + ": LimitsRedeemUncertainRetries", int64(2)},
			{"Odd", path + ": Odd", nil},
			{"Tenant", path + ": Tenant", "demo-host.com"},
			{"When", path + ": When", nil},
		}
		if diff := cmp.Diff(got, want); diff != "" || err != nil {
			t.Errorf("%s: %v (-got +want):\n%s", name, err, diff)
		}
	}
}

func TestReadPreferencesRefuses(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if v, err := ReadPreferences(path("none"), anyOwner); v != nil || err != nil {
		t.Errorf("no file: got %v, %v, want neither", v, err)
	}
	write(t, path("bad"), "s3cret")
	write(t, path("array"), `<plist version="1.0"><array/></plist>`)
	write(t, path("large"), sample+strings.Repeat(" ", maxPreferences))
	write(t, path("theirs"), sample)
	if err := os.Mkdir(path("dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, trusted := range map[string]func(fs.FileInfo) error{
		"bad": anyOwner, "array": anyOwner, "large": anyOwner, "dir": anyOwner,
		"theirs": func(fs.FileInfo) error { return errors.New("does not belong to root") },
	} {
		v, err := ReadPreferences(path(name), trusted)
		if v != nil || err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v, %v, want an error that quotes nothing", name, v, err)
		}
	}
}

// FuzzPreferences gives arbitrary bytes to the decoder, which is not ours: it
// must end, and give only the kinds that are promised.
func FuzzPreferences(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		values, err := parsePreferences("p", data)
		if (values == nil) != (err != nil) {
			t.Fatalf("got %v and %v", values, err)
		}
		for _, v := range values {
			checkKinds(t, v.Data)
		}
	})
}

func checkKinds(t *testing.T, v any) {
	switch v := v.(type) {
	case nil, string, bool, int64:
	case []any:
		for _, one := range v {
			checkKinds(t, one)
		}
	case map[string]any:
		for _, one := range v {
			checkKinds(t, one)
		}
	default:
		t.Errorf("a value is a %T", v)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
