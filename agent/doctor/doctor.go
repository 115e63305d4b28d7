// Package doctor finds problems of an installation and names the next step.
//
// It has the table of codes with causes and next steps, the facts of a device, and the
// checks that turn facts into findings. It does no I/O: its callers gather the facts
// and show the findings. Codes are an interface: add codes, never change one.
package doctor

import (
	"cmp"
	"slices"
	"strings"
)

// Code names one thing that can be wrong.
type Code string

// Severity is how bad it is. The text is wire format.
type Severity string

// The severities. The exit codes of regent doctor follow them: 6, 7 and 0, as
// those of regent status.
const (
	Warning Severity = "warning" // what works goes on working; somebody should mend it
	Failure Severity = "failure" // something is not served, or will soon not be
	Info    Severity = "info"    // worth knowing; nothing is to be mended
)

// Audience is who is told.
type Audience string

// The readers. A person who asks the service is a Contact Administrator; no
// program of the device knows one.
const (
	User          Audience = "user"
	Administrator Audience = "administrator"
)

// Entry is a row of the table: all that is known of a code beforehand.
type Entry struct {
	Code     Code
	Severity Severity
	Title    string // what is wrong, without a capital or a full stop
	Cause    string // how it comes to that; whole sentences
	// The next step, by reader; whole sentences. Words in capitals stand for values
	// of the device: a finding has those that are known in their place.
	User, Administrator, Contact string
	// OnWindows is the administrator's next step on Windows; "" where that is the same as
	// elsewhere.
	OnWindows string `json:"on_windows"`
}

// Finding is a code that holds, with its evidence. It has no secret.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject,omitempty"` // what it is about: a host, an instance, a path
	Title    string   `json:"title"`
	Evidence string   `json:"evidence"` // what was seen
	Cause    string   `json:"cause"`
	Next     string   `json:"next"` // what the reader does now
}

// Report is what regent doctor says.
type Report struct {
	Audience Audience  `json:"reader"` // for whom each next step is
	Checked  []string  `json:"checked"`
	Skipped  []Skipped `json:"skipped"`
	Findings []Finding `json:"findings"` // the worst first
}

// Skipped is a check that could not be made, and why.
type Skipped struct {
	Check string `json:"check"`
	Why   string `json:"why"`
}

// Worst is the worst severity in the report, "" if there is no finding.
func (r Report) Worst() Severity {
	worst := Severity("")
	for _, f := range r.Findings {
		if worst == "" || f.Severity.rank() < worst.rank() {
			worst = f.Severity
		}
	}
	return worst
}

// rank orders severities, the worst first.
func (s Severity) rank() int { return slices.Index([]Severity{Failure, Warning, Info}, s) }

// Lookup returns the row of a code.
func Lookup(c Code) (Entry, bool) {
	i := slices.IndexFunc(Table(), func(e Entry) bool { return e.Code == c })
	if i < 0 {
		return Entry{}, false
	}
	return Table()[i], true
}

// next is the next step of a reader, on Windows or elsewhere.
func (e Entry) next(r Audience, windows bool) string {
	switch {
	case r != Administrator:
		return e.User
	case windows:
		return cmp.Or(e.OnWindows, e.Administrator)
	}
	return e.Administrator
}

// diagnosis is what a judgement comes to: a code, about what, and why.
type diagnosis struct {
	code              Code
	subject, evidence string
	// placeholders are the values that stand in the next step where the table has a word
	// in capitals: word, value, word, value. What is not known stays a word.
	placeholders []string
}

// finding is d in the words of the table, for a reader.
func (d diagnosis) finding(r Audience, windows bool) Finding {
	e, _ := Lookup(d.code) // a test holds that every judgement's code is in the table
	return Finding{
		Code: d.code, Severity: e.Severity, Subject: d.subject, Title: e.Title,
		Evidence: d.evidence, Cause: e.Cause, Next: strings.NewReplacer(d.placeholders...).Replace(e.next(r, windows)),
	}
}

// causes are warnings from which a failure follows. Each then stands before that
// failure.
var causes = map[Code]Code{RegistrationFile: RegistrationMissing}

// sortByCause puts the worst first. Of the same severity, a cause is before what follows
// from it: the checks are in that order, and so are findings.
func sortByCause(findings []Finding) []Finding {
	severity := map[Code]Severity{}
	for _, f := range findings {
		severity[f.Code] = f.Severity
	}
	for cause, effect := range causes {
		if worse, ok := severity[effect]; ok {
			severity[cause] = worse
		}
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Compare(severity[a.Code].rank(), severity[b.Code].rank())
	})
	return findings
}

// sortByTable sorts what one check found.
func sortByTable(doubts []diagnosis) []diagnosis {
	place := map[Code]int{}
	for i, e := range Table() {
		place[e.Code] = i
	}
	slices.SortStableFunc(doubts, func(a, b diagnosis) int {
		return cmp.Or(cmp.Compare(place[a.code], place[b.code]), strings.Compare(a.subject, b.subject))
	})
	return doubts
}
