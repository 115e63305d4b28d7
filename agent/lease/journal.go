package lease

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"regent/agent/token"
)

// journal is the file that keeps leases over a restart of the daemon. It does not sync the
// file: after a power failure no holder runs. The mutex of its table protects it.
type journal struct {
	path        string
	file        *os.File // nil before the first successful rewrite
	mustRewrite bool     // the file is incomplete: the next record rewrites it
	lines       int
}

// maxLines is the number of lines after which a journal is rewritten.
const maxLines = 10_000

// OpenJournal reads the leases, returns them, and writes a new journal with them. Each
// later change is recorded. If a part of the journal cannot be read, its leases are lost. A
// lost lease costs its holder the claim to one instance, and no count.
//
// The journal works even if err is not nil. If it cannot be written, for example on a full
// disk, the next lease retries.
func (t *Table) OpenJournal(path string) (kept []Lease, err error) {
	b, err := os.ReadFile(path) //nolint:gosec // the daemon's own state directory
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.journal = (&journal{path: path, mustRewrite: true}); errors.Is(err, os.ErrNotExist) {
		return nil, nil // the first lease makes the file
	}
	if err != nil {
		err = fmt.Errorf("read leases: %w", err)
	}
	kept = replay(b)
	return kept, errors.Join(err, t.journal.rewrite(kept))
}

// replay returns the leases at the end of a journal. The last line may be incomplete.
func replay(b []byte) []Lease {
	held := map[token.Instance]Lease{}
	var order []token.Instance
	for text := range bytes.Lines(b) {
		var l Change
		if json.Unmarshal(text, &l) != nil || l.Instance == (token.Instance{}) {
			continue
		}
		if l.Ended {
			delete(held, l.Instance)
			continue
		}
		held[l.Instance] = l.Lease
		order = append(order, l.Instance)
	}
	var kept []Lease
	for _, id := range order {
		if k, ok := held[id]; ok {
			kept = append(kept, k)
			delete(held, id)
		}
	}
	return kept
}

// rewrite replaces the file with a new one. If that fails, the old file stays. It closes the
// old file first, since Windows does not replace an open file.
func (j *journal) rewrite(kept []Lease) error {
	var b []byte
	for _, k := range kept {
		b = append(b, encode(Change{Lease: k})...)
	}
	j.mustRewrite = true // until this has worked
	next := j.path + ".new"
	err := os.WriteFile(next, b, 0o600)
	if j.file != nil {
		err = errors.Join(err, j.file.Close())
	}
	if err == nil {
		err = os.Rename(next, j.path)
	}
	file, openErr := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if openErr == nil {
		j.file = file
	}
	if err = errors.Join(err, openErr); err != nil {
		return fmt.Errorf("rewrite the journal of leases: %w", err)
	}
	j.mustRewrite, j.lines = false, len(kept)
	return nil
}

func encode(l Change) []byte {
	b, err := json.Marshal(l)
	if err != nil {
		return nil // [unexpected] its fields are texts and numbers
	}
	return append(b, '\n')
}

// record writes a change. all returns every lease, to rewrite a long journal.
func (j *journal) record(l Change, all func() []Lease) error {
	if j.lines++; j.mustRewrite || j.lines > maxLines {
		if kept := all(); j.mustRewrite || len(kept) < maxLines/2 {
			if err := j.rewrite(kept); err != nil {
				return err
			}
		}
	}
	if _, err := j.file.Write(encode(l)); err != nil {
		j.mustRewrite = true
		return fmt.Errorf("write the journal of leases: %w", err)
	}
	return nil
}

// close closes the file and keeps its content.
func (j *journal) close() error {
	if j == nil || j.file == nil {
		return nil
	}
	return j.file.Close()
}
