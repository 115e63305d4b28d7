package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Names lists the records of a state directory by the names of their files,
// readable or not. It needs no key, and believes nothing of a file's content: of
// a record whose name is too long for a file's, the name is "".
func Names(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, RecordsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("store: list records: %w", err)
	}
	var names []string
	for _, e := range entries {
		if isRecord(e.Name()) {
			name, _ := nameOf(e.Name())
			names = append(names, name)
		}
	}
	return names, nil
}
