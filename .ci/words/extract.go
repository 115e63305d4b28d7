package main

import (
	"os"
	"path/filepath"
	"strings"
)

// extracted ends the names of the files that extract writes.
const extracted = ".extracted.md"

// extract writes the blocks that are in no document, each as a list item at the line
// that it has where it is from, so that a linter of Markdown names that line.
func extract(dir string, blocks []block) error {
	files := map[string][]string{}
	for _, b := range blocks {
		if strings.HasSuffix(b.file, ".md") || b.kind == "comments" {
			continue
		}
		lines := files[b.file]
		text := strings.NewReplacer("<", " ", ">", " ", "\n", "\n  ").Replace(strings.TrimSpace(b.text))
		for i, line := range strings.Split("- "+text, "\n") {
			for len(lines) < b.line+i {
				lines = append(lines, "")
			}
			if at := &lines[b.line+i-1]; *at == "" {
				*at = line
			} else { // a second text of that line
				lines = append(lines, line)
			}
		}
		files[b.file] = lines
	}
	for name, lines := range files {
		to := filepath.Join(dir, name+extracted)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}
