package contract

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Fit says whether the configuration fits the tenant.
type Fit string

// The fits. A row that no key selects has none.
const (
	FitYes     Fit = "yes"
	FitNo      Fit = "no"
	FitUnknown Fit = "unknown"
)

// Form is one row with the tenant's answer. It contains no secret.
type Form struct {
	Row        ID       `json:"row"`
	Title      string   `json:"title"`
	Tag        Tag      `json:"tag"`
	Taken      string   `json:"taken"`                // how it is taken until the tenant shows it
	Key        string   `json:"key,omitempty"`        // of the configuration
	Configured string   `json:"configured,omitempty"` // the value of Key, where the asker has one
	Answers    []string `json:"answers"`              // the tenant's answers, or the words of Key that it accepts; empty if unknown
	Fits       Fit      `json:"fits,omitempty"`       // of Configured
	Why        string   `json:"why"`                  // how that is known, or when it will be
}

// Block has the answers of one tenant, for a person and for a support ticket.
type Block struct {
	Tenant string    `json:"tenant"` // host
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Counts int       `json:"counts_used"`      // by asking
	Forms  []Form    `json:"forms"`            // empty if Failed
	Notes  []string  `json:"notes,omitempty"`  // for a person
	Failed string    `json:"failed,omitempty"` // why nothing could be asked
}

// Observation is a finding about a row.
type Observation struct {
	Answers []string
	Why     string // "" if there is nothing to add
}

// Findings are by row.
type Findings map[ID]Observation

// Set records a tenant's answers; empty ones are ignored.
func (f Findings) Set(id ID, answers ...string) {
	if answers = slices.DeleteFunc(answers, func(s string) bool { return s == "" }); len(answers) > 0 {
		f[id] = Observation{Answers: answers}
	}
}

// Source is who asks.
type Source string

// The views.
const (
	Device        Source = "device"
	Administrator Source = "administrator"
	Trial         Source = "trial"
)

// when is when a view learns a row, and whether it ever does.
func (v Source) when(r Row) (string, bool) {
	switch v {
	case Device:
		return r.Device, r.Device != ""
	case Administrator:
		return r.Administrator, r.Administrator != ""
	case Trial: // which reads as well
		if !r.Trial {
			return r.Administrator, r.Administrator != ""
		}
	}
	return "the trial ended before this step", r.Trial
}

// Fill returns the rows that a view can learn, with the findings.
func Fill(v Source, found Findings) []Form {
	forms := []Form{}
	for _, r := range Rows() {
		when, sees := v.when(r)
		if !sees {
			continue
		}
		seen := found[r.ID]
		if seen.Why == "" && len(seen.Answers) == 0 {
			seen.Why = when
		}
		forms = append(forms, Form{
			Row: r.ID, Title: r.Title, Tag: r.Tag, Taken: r.Taken, Key: r.Key,
			Answers: append([]string{}, seen.Answers...), Why: seen.Why,
		})
	}
	return forms
}

// Misfits reports whether anything is configured otherwise than the tenant has it,
// or it could not be asked.
func (b Block) Misfits() bool {
	return b.Failed != "" || slices.ContainsFunc(b.Forms, func(f Form) bool { return f.Fits == FitNo })
}

// The columns of a block, in characters. Together they fit a terminal of 80.
const (
	titleWidth = 24
	textColumn = titleWidth + 6
	lineWidth  = 79
)

// String is the block, ready to be pasted into a ticket: ASCII where the tenant's
// words are, at most 79 columns wide.
func (b Block) String() string {
	var t strings.Builder
	t.WriteString("----- contract of " + plain(b.Tenant) + " -----\n")
	counts := "no count was used"
	if b.Counts > 0 {
		counts = fmt.Sprintf("counts used: %d", b.Counts)
	}
	asked := []string{}
	if b.By != "" {
		asked = append(asked, "asked by "+b.By)
	}
	if !b.At.IsZero() {
		asked = append(asked, b.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
	wrapped(&t, "", 0, strings.Join(asked, "; "))
	wrapped(&t, "", 0, counts)
	if b.Failed != "" {
		wrapped(&t, "", 0, "cannot ask this tenant: "+b.Failed)
		return t.String() + "----- end -----\n"
	}
	wrapped(&t, row("WHAT", "TAG"), textColumn, "THIS TENANT")
	for _, f := range b.Forms {
		wrapped(&t, row(f.Title, string(f.Tag)), textColumn, f.text())
		if f.Fits == FitNo {
			wrapped(&t, "    ", 4, "DOES NOT FIT: "+f.Key+" is "+f.Configured)
			wrapped(&t, "    ", 4, "set "+f.Key+": "+strings.Join(f.Answers, " or "))
		}
	}
	for _, note := range b.Notes {
		wrapped(&t, "note: ", len("note: "), note)
	}
	var meanings []string
	for _, tag := range Tags() {
		meanings = append(meanings, tag[0]+" "+tag[1])
	}
	wrapped(&t, "tags: ", len("tags: "), strings.Join(meanings, "; "))
	return t.String() + "----- end -----\n"
}

func row(title, tag string) string { return fmt.Sprintf("%-*s  %-3s ", titleWidth, title, tag) }

// text describes a row in words.
func (f Form) text() string {
	if len(f.Answers) == 0 {
		text := "not known: " + f.Why
		if strings.HasPrefix(f.Why, "known ") { // it says when
			text = f.Why
		}
		text += "; Regent expects: " + f.Taken
		if f.Configured != "" {
			text += "; " + f.Key + " is " + f.Configured
		}
		return text
	}
	text := strings.Join(f.Answers, ", ")
	if f.Why != "" {
		text += " (" + f.Why + ")"
	}
	return text
}

// wrapped writes head and then text, in lines that begin at the column where it does. It
// breaks words that are longer than a line.
func wrapped(t *strings.Builder, head string, column int, text string) {
	line, room := "", lineWidth-column
	for word := range strings.FieldsSeq(plain(text)) {
		if line != "" && len(line)+1+len(word) <= room {
			line += " " + word
			continue
		}
		if line != "" {
			t.WriteString(head + line + "\n")
			head = strings.Repeat(" ", column)
		}
		for line = word; len(line) > room; line = line[room:] {
			t.WriteString(head + line[:room] + "\n")
			head = strings.Repeat(" ", column)
		}
	}
	t.WriteString(strings.TrimRight(head+line, " ") + "\n")
}

// plain makes the words of others harmless: ASCII that can be printed.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r > '~':
			return '?'
		}
		return r
	}, s)
}
