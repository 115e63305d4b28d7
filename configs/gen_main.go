package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func genMain() {
	if err := genWrite(".."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func genWrite(top string) error {
	files, err := Files()
	if err != nil {
		return err
	}
	readme := filepath.Join(top, "README.md")
	now, err := os.ReadFile(readme) //nolint:gosec // of the source tree
	if err != nil {
		return err
	}
	made, err := Readme(now)
	if err != nil {
		return err
	}
	for _, f := range append(files, File{Name: "README.md", Data: made}) {
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
