package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"regent/agent/authz"
	"regent/agent/policy"
)

// setupFile is the content of the file that regent setup writes.
type setupFile struct {
	Tenant       string             // "" if another file sets it
	Applications []setupApplication // sorted by ID
}

// setupApplication has the keys of one application in the file.
type setupApplication struct {
	ID        string
	Instances int          // 0 if another file sets it
	Allow     []authz.Rule // nil if another file sets it
}

// application returns the keys of an application, which are zero if the file has none.
func (f setupFile) application(id string) setupApplication {
	for _, a := range f.Applications {
		if a.ID == id {
			return a
		}
	}
	return setupApplication{ID: id}
}

// with returns the file with the keys of a. It leaves the receiver as it is.
func (f setupFile) with(a setupApplication) setupFile {
	f.Applications = slices.DeleteFunc(slices.Clone(f.Applications), func(other setupApplication) bool { return other.ID == a.ID })
	if a.Instances > 0 || len(a.Allow) > 0 {
		f.Applications = append(f.Applications, a)
	}
	slices.SortFunc(f.Applications, func(a, b setupApplication) int { return strings.Compare(a.ID, b.ID) })
	return f
}

// render returns the file as YAML; "" if it sets no key.
func (f setupFile) render() string {
	if f.Tenant == "" && len(f.Applications) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("# Written by regent setup. To change it, run the command again.\n")
	if f.Tenant != "" {
		b.WriteString("tenant: " + policy.WriteYAML(f.Tenant) + "\n")
	}
	if len(f.Applications) > 0 {
		b.WriteString("applications:\n")
	}
	for _, a := range f.Applications {
		b.WriteString("  - id: " + policy.WriteYAML(a.ID) + "\n")
		if a.Instances > 0 {
			fmt.Fprintf(&b, "    instances: %d # each costs one count of a registration token\n", a.Instances)
		}
		if len(a.Allow) > 0 {
			b.WriteString("    allow: # one matching rule is enough\n")
		}
		for _, r := range a.Allow {
			text := policy.WriteYAML([]authz.Rule{r})
			b.WriteString("      - " + text[1:len(text)-1] + "\n")
		}
	}
	return b.String()
}

// baseLayer is the layer below the file. It has a tenant, since the parser leaves out
// applications without one.
var baseLayer = policy.Layer{Name: "base", Rank: policy.Local, Data: []byte("tenant: https://localhost\n")}

// resolveSetup parses the file with the parser of regentd.
func resolveSetup(path, content string) (policy.Resolved, error) {
	resolved, problems := policy.Resolve(baseLayer, policy.Layer{Name: path, Rank: policy.Dropin, Data: []byte(content)})
	return resolved, policy.Fatal(problems)
}

// parseSetup reads a file that render wrote. It refuses a file with other keys, since
// regent setup would delete them.
func parseSetup(path, content string) (setupFile, error) {
	var f setupFile
	resolved, err := resolveSetup(path, content)
	if err != nil {
		return f, withNextStep(err, "Correct or delete this file, then run the command again.")
	}
	sets := func(key string) bool {
		p, _ := resolved.Provenance(key)
		return p.Origin.Name == path
	}
	if sets("tenant") {
		f.Tenant = resolved.Settings.Tenant
	}
	for _, app := range resolved.Settings.Applications {
		a := setupApplication{ID: app.ID}
		if sets("applications." + app.ID + ".instances") {
			a.Instances = app.Instances
		}
		if sets("applications." + app.ID + ".allow") {
			a.Allow = app.Allow
		}
		f = f.with(a)
	}
	again, err := resolveSetup(path, f.render())
	if lost := policy.Diff(resolved.Settings, again.Settings); err != nil || len(lost.Reload)+len(lost.Restart) > 0 {
		return f, withNextStep(fmt.Errorf("%s: regent setup does not write the key %s", path, append(lost.Reload, lost.Restart...)[0]),
			"Move it to "+filepath.Join(filepath.Dir(path), "15-local.yaml")+", then run the command again.")
	}
	return f, nil
}

// checkSetup returns the reason why the parser refuses a file; nil if it accepts it.
func checkSetup(f setupFile) error {
	_, err := resolveSetup("answer", f.render())
	if p, ok := errors.AsType[policy.Problem](err); ok {
		return errors.New(p.Text)
	}
	return err
}

// lineChange is a line that both versions have, or only one of them.
type lineChange struct {
	mark byte // ' ', '-' or '+'
	text string
}

// diffLines compares two versions of a short file. It shows one block of changed lines
// between those that are equal at both ends.
func diffLines(before, after string) (all []lineChange) {
	old, now := splitLines(before), splitLines(after)
	head := 0
	for head < min(len(old), len(now)) && old[head] == now[head] {
		head++
	}
	tail := 0
	for tail < min(len(old), len(now))-head && old[len(old)-1-tail] == now[len(now)-1-tail] {
		tail++
	}
	add := func(mark byte, lines []string) {
		for _, line := range lines {
			all = append(all, lineChange{mark, line})
		}
	}
	add(' ', old[:head])
	add('-', old[head:len(old)-tail])
	add('+', now[head:len(now)-tail])
	add(' ', old[len(old)-tail:])
	return all
}

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
