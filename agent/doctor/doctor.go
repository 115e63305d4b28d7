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

	"regent/agent/fault"
)

// Code names one problem.
type Code string

// Severity is the severity of a finding. The text is wire format.
type Severity string

// The severities. The exit codes of regent doctor are 6, 7 and 0, like those of regent
// status.
const (
	Warning Severity = "warning" // everything still works; somebody should correct it
	Failure Severity = "failure" // an application gets no token, or soon will not
	Info    Severity = "info"    // a fact; nothing to correct
)

// Audience is the reader of a report.
type Audience string

// The readers. The Contact Administrator is no reader of a report: no program of the
// device knows one.
const (
	User          Audience = "user"
	Administrator Audience = "administrator"
)

// Entry is a row of the table of codes.
type Entry struct {
	Code     Code
	Severity Severity
	Title    string // the problem, without a capital or a full stop
	Cause    string // whole sentences
	// The next step for each reader, in whole sentences. Words in capitals are
	// placeholders. A finding replaces those with a known value.
	User, Administrator, Contact string
	// OnWindows is the administrator's next step on Windows; "" if it is the same.
	OnWindows string `json:"on_windows"`
}

// Finding is a problem of this device, with its evidence. It has no secret.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject,omitempty"` // a host, an instance, a path
	Title    string   `json:"title"`
	Evidence string   `json:"evidence"` // observed facts
	Cause    string   `json:"cause"`
	Next     string   `json:"next"` // the reader's next step
}

// Report is the result of regent doctor.
type Report struct {
	Audience Audience  `json:"reader"` // the reader of each next step
	Checked  []string  `json:"checked"`
	Skipped  []Skipped `json:"skipped"`
	Findings []Finding `json:"findings"` // the worst first
}

// Skipped is a check that could not run, and the reason.
type Skipped struct {
	Check string `json:"check"`
	Why   string `json:"why"`
}

// Worst returns the worst severity in the report, "" if there is no finding.
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

// next returns the next step of a reader, on Windows or elsewhere.
func (e Entry) next(r Audience, windows bool) string {
	switch {
	case r != Administrator:
		return e.User
	case windows:
		return fault.CommandsOn("windows", cmp.Or(e.OnWindows, e.Administrator))
	}
	return e.Administrator
}

// diagnosis is the result of a check: a code, its subject and its evidence.
type diagnosis struct {
	code              Code
	subject, evidence string
	// placeholders are the values for the placeholders of the next step: word, value, word,
	// value. A placeholder without a value stays as it is.
	placeholders []string
}

// finding returns d with the texts of the table, for a reader.
func (d diagnosis) finding(r Audience, windows bool) Finding {
	e, _ := Lookup(d.code) // a test checks that the table has every code
	return Finding{
		Code: d.code, Severity: e.Severity, Subject: d.subject, Title: e.Title,
		Evidence: d.evidence, Cause: e.Cause, Next: strings.NewReplacer(d.placeholders...).Replace(e.next(r, windows)),
	}
}

// causes are warnings that cause a failure. Such a warning precedes the failure in a
// report.
var causes = map[Code]Code{RegistrationFile: RegistrationMissing}

// sortByCause sorts the worst first. Within a severity, a cause precedes its effects: the
// checks have that order.
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

// sortByTable sorts the diagnoses of one check.
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
