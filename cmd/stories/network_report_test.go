//go:build unix

package stories

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
)

// networkJudged holds the figures. Only a machine that does nothing else can be held to
// them: make network says so.
// baseline is a way to the service that suffers from nothing: what the others are
// compared with.
const baseline = "nothing"

// Whoever asks for a token waits so long at most, 99 times of 100, while so many
// ask; a machine that is slow for another reason is slow on the quiet way too.
const (
	maxWait     = 50 * time.Millisecond
	maxSlowdown = 3 // times as slow as on the quiet way
	minRequests = 10_000
)

// latencies is what became of the requests of one device.
type latencies struct {
	took []time.Duration // of each that was served
	end  string          // what came after the token's end
}

// at returns what percent of the requests did not take longer than.
func (s latencies) at(percent int) time.Duration {
	if len(s.took) == 0 {
		return 0
	}
	slices.Sort(s.took)
	return s.took[min(len(s.took)*percent/100, len(s.took)-1)]
}

// networkReport is the table that the test ends with. It is safe for concurrent use.
type networkReport struct {
	mu    sync.Mutex
	names []string
	rows  map[string]latencies
}

func (r *networkReport) add(name string, s latencies) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rows == nil {
		r.rows = map[string]latencies{}
	}
	r.names = append(r.names, name)
	r.rows[name] = s
}

// troubled are the requests on all ways but the quiet one.
func (r *networkReport) troubled() (all latencies) {
	for name, s := range r.rows {
		if name != baseline {
			all.took = append(all.took, s.took...)
		}
	}
	return all
}

// String is the table.
func (r *networkReport) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "the way suffers from\tserved\tp50\tp99\tlongest\tat the token's end")
	for _, name := range slices.Sorted(slices.Values(r.names)) {
		r.row(w, name, r.rows[name])
	}
	r.row(w, "all troubles together", r.troubled())
	w.Flush()
	return b.String()
}

func (r *networkReport) row(w *tabwriter.Writer, name string, s latencies) {
	short := func(percent int) time.Duration { return s.at(percent).Round(10 * time.Microsecond) }
	fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", name, len(s.took), short(50), short(99), short(100), s.end)
}

func (r *networkReport) judge(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.troubled()
	if len(all.took) < minRequests {
		t.Errorf("only %d requests were served, want %d", len(all.took), minRequests)
	}
	if got, most := r.slowest(), r.limit(); got > most {
		t.Errorf("p99 is %s, want at most %s", got, most)
	}
}

// slowest returns the p99 on all ways but the quiet one.
func (r *networkReport) slowest() time.Duration { return r.troubled().at(99) }

// limit returns the most that slowest may be.
func (r *networkReport) limit() time.Duration {
	return max(maxWait, maxSlowdown*r.rows[baseline].at(99))
}
