package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"howett.net/plist"

	"regent/agent/policy"
	"regent/platform/mdm"
)

// TestProfileFileWorks reads the shipped configuration profile's settings, and wants
// every key of them set.
func TestProfileFileWorks(t *testing.T) {
	path := filepath.Join("..", "..", "packaging", "mdm", "jamf", "regent.mobileconfig")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var profile struct{ PayloadContent []map[string]any }
	if _, err := plist.Unmarshal(text, &profile); err != nil {
		t.Fatal(err)
	}
	settings := map[string]any{}
	for name, data := range profile.PayloadContent[0] {
		if !strings.HasPrefix(name, "Payload") {
			settings[name] = signed(data)
		}
	}
	_, paths := configTree(t, nil)
	paths.Sources = []source{fakeSource(t, settings)}
	f := trustAllOwners().readAll(paths)
	res, problems := policy.Resolve(f.Layers...)
	if len(f.Problems)+len(problems) > 0 {
		t.Errorf("problems: %v %v", f.Problems, problems)
	}
	for _, key := range res.Keys() {
		if p, _ := res.Provenance(key); p.Origin.Rank != policy.Managed {
			t.Errorf("%s is not set by the profile", key)
		}
	}
	if len(res.Settings.Applications) != 1 {
		t.Errorf("got %d applications, want the example", len(res.Settings.Applications))
	}
}

// signed is a decoded property list with the integers of [mdm.Value].
func signed(v any) any {
	switch v := v.(type) {
	case uint64:
		return int64(v)
	case []any:
		for i := range v {
			v[i] = signed(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = signed(v[name])
		}
	}
	return v
}

func TestSources(t *testing.T) {
	_, paths := configTree(t, map[string]string{"config.d/a.yaml": "tenant: drop-in\nlog: {level: debug}", "policy.d/a.yaml": "audit: required"})
	installer := fakeSource(t, map[string]any{"Tenant": "installer", "InstallDir": `C:\Program Files\Regent`, "LogLevel": "error"})
	installer.name, installer.rank, installer.mixed = "installer", policy.Dropin, true
	managed := fakeSource(t, map[string]any{"LogLevel": "warn", "Audit": "best_effort", "Nonsense": int64(1)})
	broken := source{name: "broken", rank: policy.Managed, read: func() ([]mdm.Value, error) { return nil, errors.New("cannot be read") }}
	paths.Sources = []source{installer, managed, broken}

	f := trustAllOwners().readAll(paths)
	res, problems := policy.Resolve(f.Layers...)
	s := res.Settings
	if s.Tenant != "https://installer" || s.Log.Level != "warn" || s.Audit != policy.BestEffort {
		t.Errorf("got %+v: the installer is above drop-ins, policy above both", s)
	}
	texts := problemTexts(append(f.Problems, problems...))
	if want := "broken: cannot be read\nstore\\Nonsense: Nonsense: is not a known policy; regent.yaml(5) lists them"; texts != want {
		t.Errorf("problems %q, want %q", texts, want)
	}
}
