package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"regent/agent/policy"
	"regent/platform/files"
)

// lastPolicyFile is where policy is remembered over a restart. It holds what every
// user may read anyway, and lies where only the daemon can write.
func (o *options) lastPolicyFile() string { return filepath.Join(o.stateDir, "policy.last.json") }

// savedPolicy is that file. Only files are in it: the other stores of policy are
// written by the system, and never half.
type savedPolicy struct {
	Files []savedFile `json:"files"`
}

type savedFile struct {
	Name string `json:"name"`
	Data string `json:"data"`
}

// loadLastGood returns what was kept of the files in policyDir. The error says, for
// status, that nothing could be; without a file there is nothing and none.
func loadLastGood(name, policyDir string) (g policy.LastGood, err error) {
	content, err := os.ReadFile(name) //nolint:gosec // the daemon's own state directory
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	var kept savedPolicy
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil {
		return g, errors.New("what policy said before the restart is not known: the file cannot be read; it is written anew")
	}
	for _, f := range kept.Files {
		if filepath.Dir(f.Name) == filepath.Clean(policyDir) {
			g.Layers = append(g.Layers, policy.Layer{Name: f.Name, Rank: policy.Managed, Data: []byte(f.Data)})
		}
	}
	g.BeforeRestart = true
	return g, nil
}

// saveLastGood writes the files of policy that are in force, if they are not what is
// there already; without any there is no file.
func saveLastGood(g policy.LastGood, name string) error {
	var kept savedPolicy
	for _, l := range g.Layers {
		if l.Values == nil {
			kept.Files = append(kept.Files, savedFile{l.Name, string(l.Data)})
		}
	}
	if len(kept.Files) == 0 {
		if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	content, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(name); err == nil && slices.Equal(old, content) { //nolint:gosec // the daemon's own state directory
		return nil
	}
	return files.Write(name, content, 0o600)
}
