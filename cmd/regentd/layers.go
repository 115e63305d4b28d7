package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"regent/agent/policy"
	"regent/platform/files"
	"regent/platform/mdm"
)

// layerPaths has the paths of the configuration.
type layerPaths struct {
	Config    string // config.yaml
	ConfigDir string // its drop-ins
	PolicyDir string // managed policy

	Sources []source // other sources; within a rank they follow the files

	// ConfigNamed is set if a person named Config (--config): then it must exist.
	// The default one need not.
	ConfigNamed bool
}

// readLayers reads the layers.
func readLayers(paths layerPaths) policy.Reading {
	return layerLoader{checkManaged: writableByRootOnly}.readAll(paths)
}

// layerLoader collects the layers. checkManaged reports a wrong owner or mode of a managed
// file or directory. Tests replace it, since only root can create files of root.
type layerLoader struct {
	checkManaged func(name string, info fs.FileInfo) error
	checkLocal   []string // paths with a warning already
	policy.Reading
}

func (l layerLoader) readAll(paths layerPaths) policy.Reading {
	data, err := readRegular(paths.Config, l.statLocal)
	switch {
	case err == nil:
		l.Layers = append(l.Layers, policy.Layer{Name: paths.Config, Rank: policy.Local, Data: data})
	case errors.Is(err, fs.ErrNotExist) && !paths.ConfigNamed:
		l.warnMisnamed(paths.Config)
	case errors.Is(err, fs.ErrNotExist):
		l.report(paths.Config, policy.Local, "there is no such file; name the configuration with --config, or leave that out to use the default one")
	default:
		l.report(paths.Config, policy.Local, "%v", err)
	}
	l.directory(paths.ConfigDir, policy.Dropin)
	l.PolicyDirRead = l.directory(paths.PolicyDir, policy.Managed)
	for _, s := range paths.Sources {
		l.source(s)
	}
	return l.Reading
}

// warnMisnamed warns of a configuration file with the extension .yml, which is not read.
func (l *layerLoader) warnMisnamed(config string) {
	other := strings.TrimSuffix(config, filepath.Ext(config)) + ".yml"
	if _, err := os.Stat(other); err == nil {
		l.warn(other, policy.Local, "is not read; rename it to end in .yaml")
	}
}

// directory adds the files of a directory, in lexical order, and reports whether
// there is one that may be read.
func (l *layerLoader) directory(dir string, rank policy.Rank) bool {
	if dir == "" {
		return false
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil && rank == policy.Managed {
		err = l.trustedDirectory(dir)
	} else if err == nil {
		_, err = l.statLocal(dir)
	}
	if err != nil {
		l.report(dir, rank, "%v", bareError(err))
		return false
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."): // an editor's or a package manager's
		case filepath.Ext(name) == ".yaml":
			l.file(name, rank)
		case filepath.Ext(name) == ".yml":
			l.warn(name, rank, "is not read; rename it to end in .yaml")
		}
	}
	return true
}

func (l *layerLoader) trustedDirectory(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("is a symbolic link; name the directory itself")
	}
	return l.checkManaged(dir, info)
}

func (l *layerLoader) file(name string, rank policy.Rank) {
	look := l.statLocal
	if rank == policy.Managed {
		look = l.statManaged
	}
	data, err := readRegular(name, look)
	switch {
	case err == nil:
		l.Layers = append(l.Layers, policy.Layer{Name: name, Rank: rank, Data: data})
	case errors.Is(err, fs.ErrNotExist) && rank != policy.Managed: // its package was just removed, or its link is broken
		l.warn(name, rank, "is missing or a broken link, so it is ignored; remove the link, or restore its file")
	default:
		l.report(name, rank, "%v", err)
	}
}

// permissionWarning is a permission that is too broad, but does not make a file invalid.
type permissionWarning struct {
	path string // the file or directory to correct
	text string // follows the name of the file in a sentence; ends in the command
}

// statLocal is os.Stat for local files and directories. It refuses those that other users
// may write. It reports a warning about a directory once, not for each file in it.
func (l *layerLoader) statLocal(name string) (fs.FileInfo, error) {
	found, err := checkOwnWriters(name)
	for _, d := range found {
		if !slices.Contains(l.checkLocal, d.path) {
			l.checkLocal = append(l.checkLocal, d.path)
			l.warn(name, policy.Local, d.text)
		}
	}
	if err != nil {
		return nil, err
	}
	return os.Stat(name)
}

// statManaged is os.Lstat for managed files. It follows no link, and the file must belong
// to root.
func (l *layerLoader) statManaged(name string) (fs.FileInfo, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	return info, l.checkManaged(name, info)
}

// report adds a problem that prevents the reading of a file, directory or source. It is
// fatal unless the rank is managed.
func (l *layerLoader) report(name string, rank policy.Rank, format string, args ...any) {
	l.warn(name, rank, fmt.Sprintf(format, args...))
	l.Problems[len(l.Problems)-1].Fatal = rank != policy.Managed
}

func (l *layerLoader) warn(name string, rank policy.Rank, text string) {
	l.Problems = append(l.Problems, policy.Problem{Origin: policy.Origin{Rank: rank, Name: name}, Text: text})
}

// readRegular reads a regular file of at most [policy.MaxLayer] bytes. Its errors do not
// name the file.
func readRegular(name string, look func(string) (fs.FileInfo, error)) ([]byte, error) {
	data, err := files.ReadRegular(name, policy.MaxLayer, look)
	if _, ofSystem := errors.AsType[syscall.Errno](err); ofSystem {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return data, err
}

// bareError strips the operation and the path from an error of package os: the
// problem names the file already.
func bareError(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("cannot be read: %w", pathErr.Err)
	}
	return err
}

// source is a source of settings other than files, such as a registry key.
type source struct {
	name string
	rank policy.Rank
	read func() ([]mdm.Value, error)

	// mixed is set if the source also has values that are no settings. Unknown names
	// in it are then no problem.
	mixed bool
}

// source adds the values of a source.
func (l *layerLoader) source(s source) {
	found, err := s.read()
	if err != nil {
		l.report(s.name, s.rank, "%v", bareError(err))
		return
	}
	values := make([]policy.Value, 0, len(found))
	for _, v := range found {
		values = append(values, policy.Value{Name: v.Name, Place: v.Source, Data: v.Data})
	}
	if len(values) > 0 {
		l.Layers = append(l.Layers, policy.Layer{Name: s.name, Rank: s.rank, Values: values, Mixed: s.mixed})
	}
}

// lastPolicyFile is the copy of the managed policy for the next start. Its content is no
// secret. Only the daemon can write its directory.
func (o *options) lastPolicyFile() string { return filepath.Join(o.stateDir, "policy.last.json") }

// savedPolicy is the content of that file. It has only files: the system writes the other
// stores of policy, and never leaves them half-written.
type savedPolicy struct {
	Files []savedFile `json:"files"`
}

type savedFile struct {
	Name string `json:"name"`
	Data string `json:"data"`
}

// loadLastGood returns the saved files of policyDir. Without a saved file it returns an
// empty value and no error. The error is for status.
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
		return g, errors.New("cannot be read, so the policy before the restart is unknown; regentd replaces the file")
	}
	for _, f := range kept.Files {
		if filepath.Dir(f.Name) == filepath.Clean(policyDir) {
			g.Layers = append(g.Layers, policy.Layer{Name: f.Name, Rank: policy.Managed, Data: []byte(f.Data)})
		}
	}
	g.BeforeRestart = true
	return g, nil
}

// saveLastGood writes the active files of policy, if the file differs. Without any it
// removes the file.
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
