package lease

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"regent/agent/token"
)

// journal keeps leases over a restart of the daemon, in a file. It does not sync the file
// to the disk: after a loss of power no holder is left. The lock of its table protects it.
type journal struct {
	path        string
	file        *os.File // nil until it could be begun
	mustRewrite bool     // it does not say what is leased: it is to be begun anew
	lines       int
}

// maxLines is how many lines a journal has before it is written anew.
const maxLines = 10_000

// OpenJournal reads the leases, returns them, and writes a new journal with them. Each
// later change is recorded. If a part of the journal cannot be read, its leases are lost. A
// lost lease costs its holder the claim to one instance, and no count.
//
// The journal is of use whatever err says: one that could not be begun, as on a
// full disk, is begun with the first lease for which there is room.
func (t *Table) OpenJournal(path string) (kept []Lease, err error) {
	b, err := os.ReadFile(path) //nolint:gosec // the daemon's own state directory
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.journal = (&journal{path: path, mustRewrite: true}); errors.Is(err, os.ErrNotExist) {
		return nil, nil // the first lease begins it
	}
	if err != nil {
		err = fmt.Errorf("read leases: %w", err)
	}
	kept = replay(b)
	return kept, errors.Join(err, t.journal.rewrite(kept))
}

// replay returns what a journal comes to. The last line may be half of one.
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

// rewrite writes a new file and puts it in the place of the old one. If that fails
// the old one goes on. No file is open meanwhile: Windows moves none that is, and
// puts nothing in the place of one.
func (j *journal) rewrite(kept []Lease) error {
	var b []byte
	for _, k := range kept {
		b = append(b, encode(Change{Lease: k})...)
	}
	j.mustRewrite = true // until it is begun
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
		return fmt.Errorf("begin the journal of leases: %w", err)
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

// record writes a change. all has every lease, to shorten a journal that has become long.
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
