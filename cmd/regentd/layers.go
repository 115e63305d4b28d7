package main

import (
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
)

// layerPaths says where the configuration is.
type layerPaths struct {
	Config    string // config.yaml
	ConfigDir string // its drop-ins
	PolicyDir string // managed policy

	Sources []source // beside the files; within a rank after them

	// ConfigNamed is set if a person named Config (--config): then it must exist.
	// The default one need not.
	ConfigNamed bool
}

// readLayers reads the layers.
func readLayers(paths layerPaths) policy.Reading {
	return layerLoader{checkManaged: writableByRootOnly}.readAll(paths)
}

// layerLoader collects the layers. trusted says what is wrong with the owner or
// the mode of a managed file or directory; a test replaces it, since what
// belongs to root cannot be made by everyone.
type layerLoader struct {
	checkManaged func(name string, info fs.FileInfo) error
	checkLocal   []string // paths whose doubt was told
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

// warnMisnamed warns of a configuration file that nobody reads for its ending.
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
	case errors.Is(err, fs.ErrNotExist) && rank != policy.Managed: // its package was just removed, or a link leads nowhere
		l.warn(name, rank, "is gone or leads nowhere, and was left out")
	default:
		l.report(name, rank, "%v", err)
	}
}

// permissionWarning is what makes a file less sure, without being held against it.
type permissionWarning struct {
	path string // of what is to be mended
	text string // follows the name of the file in a sentence, and says how to mend it
}

// statLocal is os.Stat for local files and directories, which strangers may not
// be able to write. A doubt about a directory is told once for all that is in it.
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

// statManaged is os.Lstat for managed files: no link is followed, and the file
// must be root's.
func (l *layerLoader) statManaged(name string) (fs.FileInfo, error) {
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	return info, l.checkManaged(name, info)
}

// report adds a problem that keeps something from being read.
func (l *layerLoader) report(name string, rank policy.Rank, format string, args ...any) {
	l.warn(name, rank, fmt.Sprintf(format, args...))
	l.Problems[len(l.Problems)-1].Fatal = rank != policy.Managed
}

func (l *layerLoader) warn(name string, rank policy.Rank, text string) {
	l.Problems = append(l.Problems, policy.Problem{Origin: policy.Origin{Rank: rank, Name: name}, Text: text})
}

// readRegular reads a regular file of at most the size of a layer. Its errors do not
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
