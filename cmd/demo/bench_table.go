package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// table gathers figures, and goals with whether they were met.
type table struct {
	out   io.Writer
	facts []string // lines of cells, separated by tabs
	goals []goal
}

// goal is a figure with its limit.
type goal struct {
	name        string
	got, limit  float64
	unit        string
	atLeast     bool   // limit is the least, not the most
	explanation string // of the figure
}

func (g goal) met() bool {
	if g.atLeast {
		return g.got >= g.limit
	}
	return g.got <= g.limit
}

func (g goal) cells() string {
	sign, verdict := "≤", "pass"
	if g.atLeast {
		sign = "≥"
	}
	if !g.met() {
		verdict = "MISSED"
	}
	return fmt.Sprintf("%s\t%.4g%s\t%s %g%s\t%s\t%s", g.name, g.got, g.unit, sign, g.limit, g.unit, verdict, g.explanation)
}

// fact adds a line of figures that are no goal.
func (t *table) fact(format string, args ...any) {
	t.facts = append(t.facts, fmt.Sprintf(format, args...))
}

func (t *table) goal(g goal) { t.goals = append(t.goals, g) }

// print writes the figures, then the goals.
func (t *table) print() error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, line := range t.facts {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	missed := 0
	lines := []string{"", "goal\tmeasured\tlimit\t\tof what"}
	for _, g := range t.goals {
		if lines = append(lines, g.cells()); !g.met() {
			missed++
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, line := range append(lines, "", fmt.Sprintf("%d goals, %d missed", len(t.goals), missed)) {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return w.Flush()
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d.Nanoseconds())/1e3) }

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
