// Command configs writes every generated file of the repository.
//
// These are the default configuration, the reference, the files for management
// systems, the JSON schemas and the runbook. "go generate ./configs" runs it. The
// tables are in agent/policy, agent/doctor, agent/tms/contract and ipc/api. Tests
// compare the files with the output of the command.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"regent/agent/doctor"
)

//go:generate go run .

// embedded is the commented default config.yaml, as packages install it. It sets
// nothing.
//
//go:embed config.yaml
var embedded string

// runbook is the folder of the runbook's pages.
const runbook = "packaging/runbook"

func main() {
	if err := generate(top); err != nil {
		fmt.Fprintln(os.Stderr, "configs:", err)
		os.Exit(1)
	}
}

// generate writes all files below top.
func generate(top string) error {
	files, err := allFiles()
	if err != nil {
		return err
	}
	if err := removeOldPages(filepath.Join(top, runbook)); err != nil {
		return err
	}
	for _, f := range files {
		if err := write(filepath.Join(top, filepath.FromSlash(f.name)), f.data); err != nil {
			return err
		}
	}
	return nil
}

// allFiles returns every generated file.
func allFiles() ([]file, error) {
	files, err := tableFiles()
	if err != nil {
		return nil, err
	}
	schemas, err := apiSchemas()
	if err != nil {
		return nil, err
	}
	for name, text := range schemas {
		files = append(files, file{path.Join("ipc", name), text})
	}
	for name, text := range doctor.RunbookPages() {
		files = append(files, file{path.Join(runbook, name), []byte(text)})
	}
	return files, nil
}

// removeOldPages deletes the pages of codes that no longer exist.
func removeOldPages(dir string) error {
	pages := doctor.RunbookPages()
	present, err := filepath.Glob(filepath.Join(dir, "*.md"))
	if err != nil {
		return err
	}
	for _, file := range present {
		if _, ok := pages[filepath.Base(file)]; !ok {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(name string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // of the source tree, for everyone
		return err
	}
	return os.WriteFile(name, data, 0o644) //nolint:gosec // of the source tree, for everyone
}
