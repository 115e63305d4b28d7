package agent

import (
	"fmt"
	"strings"
	"sync"
	"text/tabwriter"
)

// table is what a test tells whoever asks to see it. It is safe for concurrent use.
type table struct {
	mu    sync.Mutex
	lines []string
}

func newTable(columns ...any) *table {
	t := &table{}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, strings.Join(texts, "\t"))
}

// String lays the table out.
func (t *table) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range t.lines {
		fmt.Fprintln(w, line)
	}
	_ = w.Flush() // into memory
	return b.String()
}
