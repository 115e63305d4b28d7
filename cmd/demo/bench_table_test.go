package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table has figures, and goals with their results.
type table struct {
	out    io.Writer
	facts  []string // lines of cells, separated by tabs
	goals  []string // likewise
	missed int
}

// goal is a figure with its limit.
type goal struct {
	name  string
	got   float64
	sign  string // atMost or atLeast
	limit float64
	unit  string
}

const (
	atMost  = "≤"
	atLeast = "≥"
)

// fact adds a line of figures without a goal.
func (t *table) fact(format string, args ...any) {
	t.facts = append(t.facts, fmt.Sprintf(format, args...))
}

// goal adds a goal, and a description of its figure.
func (t *table) goal(g goal, format string, args ...any) {
	verdict := "pass"
	if g.sign == atMost && g.got > g.limit || g.sign == atLeast && g.got < g.limit {
		verdict = "MISSED"
		t.missed++
	}
	t.goals = append(t.goals, fmt.Sprintf("%s\t%.4g%s\t%s %g%s\t%s\t%s", g.name, g.got, g.unit, g.sign, g.limit, g.unit, verdict, fmt.Sprintf(format, args...)))
}

// print writes the figures, then the goals.
func (t *table) print() error {
	goals := append([]string{"", "goal\tmeasured\tlimit\t\tof what"}, t.goals...)
	goals = append(goals, "", fmt.Sprintf("%d goals, %d missed", len(t.goals), t.missed))
	for _, lines := range [][]string{t.facts, goals} {
		w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
		if _, err := fmt.Fprintln(w, strings.Join(lines, "\n")); err != nil {
			return err
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

func micros(d time.Duration) string { return fmt.Sprintf("%.0f µs", float64(d.Nanoseconds())/1e3) }
