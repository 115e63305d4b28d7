// Command gen writes the generated files of configs/ into the directory that it
// runs in. It is started by go generate.
package main

import (
	"fmt"
	"os"

	"regent/configs/internal/artefact"
)

func main() {
	for _, f := range artefact.Files() {
		if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil { //nolint:gosec // files of the source tree, for everyone
			fmt.Fprintln(os.Stderr, "gen:", err)
			os.Exit(1)
		}
	}
}
