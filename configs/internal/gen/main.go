// Command gen writes everything that is made from policy's table, below the
// directory above the one that it runs in. It is started by go generate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"regent/configs/internal/artefact"
)

func main() {
	if err := write(".."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func write(top string) error {
	files, err := artefact.Files()
	if err != nil {
		return err
	}
	readme := filepath.Join(top, "README.md")
	now, err := os.ReadFile(readme) //nolint:gosec // of the source tree
	if err != nil {
		return err
	}
	made, err := artefact.Readme(now)
	if err != nil {
		return err
	}
	for _, f := range append(files, artefact.File{Name: "README.md", Data: made}) {
		name := filepath.Join(top, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // of the source tree, for everyone
			return err
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil { //nolint:gosec // of the source tree, for everyone
			return err
		}
	}
	return nil
}
