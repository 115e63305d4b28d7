package stories

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// evidenceItem is something that was written or shown, and what it may hold: a
// command that prints an access token prints it.
type evidenceItem struct {
	place, name string
	content     []byte
	may         []string // kinds of secrets
}

// evidence is what a scenario leaves, each content of a place once. It is safe
// for concurrent use. It is searched at the end, when all secrets are known.
type evidence struct {
	mu       sync.Mutex
	exhibits []evidenceItem
	seen     map[[sha256.Size]byte]bool
	skip     string // a directory whose files hold secrets because the test put them there
}

func newEvidence(skip string) *evidence {
	return &evidence{seen: map[[sha256.Size]byte]bool{}, skip: skip}
}

func (e *evidence) add(x evidenceItem) {
	id := sha256.Sum256(fmt.Append(nil, x.place, x.may, string(x.content)))
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.seen[id] {
		e.seen[id] = true
		e.exhibits = append(e.exhibits, x)
	}
}

// The places that are searched.
const (
	inOutput  = "stdout and stderr of programs"
	inLog     = "log at debug level"
	inFiles   = "files"
	inRecords = "sealed records"
	inOpen    = "files that the daemon has open"
	inArgs    = "/proc/*/cmdline"
	inEnv     = "/proc/*/environ"
	inMetrics = "metrics"
	inCore    = "what an abort leaves"
)

// addFiles takes every file below dir, and its name.
func (e *evidence) addFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == e.skip {
			return skipGone(err, path == e.skip)
		}
		content := []byte(path)
		if entry.Type().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return skipGone(err, false)
			}
			content = append(content, b...)
		}
		place := inFiles
		if strings.HasSuffix(path, ".rec") {
			place = inRecords
		}
		e.add(evidenceItem{place: place, name: path, content: content})
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// skipGone passes over what went while it was looked at.
func skipGone(err error, dir bool) error {
	if dir {
		return filepath.SkipDir
	}
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// addOpenFiles takes the files that a process has open, those without a name too. Of the
// daemon only root may see them.
func (e *evidence) addOpenFiles(t *testing.T, pid int) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Error(err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if i, err := os.Stat(path); err != nil || !i.Mode().IsRegular() {
			continue
		}
		if b, err := os.ReadFile(path); err == nil {
			e.add(evidenceItem{place: inOpen, name: path, content: b})
		}
	}
}

// watchProcesses takes every command line and environment that there is on the
// machine, once and then again and again until ctx is done. What may not be read is not
// readable for others either.
func (e *evidence) watchProcesses(ctx context.Context) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		for place, pattern := range map[string]string{inArgs: "/proc/[0-9]*/cmdline", inEnv: "/proc/[0-9]*/environ"} {
			paths, err := filepath.Glob(pattern)
			if err != nil {
				panic(err) // a bad pattern
			}
			for _, path := range paths {
				if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
					e.add(evidenceItem{place: place, name: path, content: b})
				}
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

// finding is a secret where it does not belong.
type finding struct {
	evidenceItem
	needle
}

// search looks for the canaries in all that there is, and counts what it looked
// at: exhibits and bytes by place.
func (e *evidence) search(c *canaries) (found []finding, looked map[string][2]int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	looked = map[string][2]int{}
	for _, x := range e.exhibits {
		n := looked[x.place]
		looked[x.place] = [2]int{n[0] + 1, n[1] + len(x.content)}
		for _, hit := range c.find(x.content) {
			if !slices.Contains(x.may, hit.kind) {
				found = append(found, finding{x, hit})
			}
		}
	}
	return found, looked
}
