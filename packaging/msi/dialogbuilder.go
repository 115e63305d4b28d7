package main

import (
	"strconv"
	"strings"
)

// Attributes of controls.
const (
	shown    = 0x3 // visible and enabled
	sunken   = 0x4
	password = 0x200000
	shield   = 0x800000 // the system will ask for consent
	text     = 0x30003  // transparent, and & is only for shortcuts
)

// dialogBuilder is a dialog that is being made. Controls take the keyboard in the order
// in which they were added.
type dialogBuilder struct {
	d        *database
	name     string
	dialog   int // its row
	first    int // its first control's row
	ordering map[string]int
}

// newDialog begins a dialog of the usual size, with a line below its title and room
// for buttons. Its texts have keys that begin with key.
func (d *database) newDialog(name, key, about string) *dialogBuilder {
	w := d.newDialogBuilder(name, key, 370, 270)
	w.add("Text", "Title", 15, 8, 330, 15, text, "", `{\Bold}`+d.say(key+".title"))
	w.add("Text", "About", 25, 25, 330, 20, text, "", about)
	w.add("Line", "Above", 0, 46, 370, 0, 1, "", "")
	w.add("Line", "Below", 0, 234, 370, 0, 1, "", "")
	return w
}

// newMessage begins a dialog with one sentence.
func (d *database) newMessage(name, key, sentence string) *dialogBuilder {
	w := d.newDialogBuilder(name, key, 260, 85)
	control := "Text"
	if name == errorDlg {
		control = "ErrorText"
	}
	w.add("Text", control, 15, 10, 230, 40, text, "", sentence)
	if name == errorDlg {
		w.cell("Attributes", strconv.Itoa(0x10003)) // it is the one for errors
	}
	return w
}

func (d *database) newDialogBuilder(name, key string, width, height int) *dialogBuilder {
	dialogs := d.table("Dialog")
	dialogs.add(name, "50", "50", strconv.Itoa(width), strconv.Itoa(height), "3", "[ProductName]: "+d.say(key+".title"))
	return &dialogBuilder{d: d, name: name, dialog: len(dialogs.Rows) - 1, first: len(d.table("Control").Rows), ordering: map[string]int{}}
}

// add adds a control.
func (w *dialogBuilder) add(kind, control string, x, y, width, height, attributes int, property, content string) {
	row := []string{w.name, control, kind}
	for _, n := range []int{x, y, width, height, attributes} {
		row = append(row, strconv.Itoa(n))
	}
	w.d.table("Control").add(append(row, property, content)...)
}

// addConditionalText adds a text that is there only if the condition holds. It goes on to the
// right edge, on a second line if it has to.
func (w *dialogBuilder) addConditionalText(condition, control string, x, y int, content string) {
	w.add("Text", control, x, y, 350-x, 24, text, "", content)
	w.d.table("ControlCondition").add(w.name, control, "Show", condition)
	w.d.table("ControlCondition").add(w.name, control, "Hide", "NOT ("+condition+")")
}

// buttonWidth has room for a word of any language, and the system's shield.
const buttonWidth = 66

func (w *dialogBuilder) push(control string, x, y int, label string) {
	w.add("PushButton", control, x, y, buttonWidth, 17, shown, "", label)
}

// addEvent adds an event that a button starts if condition holds. Events run in the order
// of the calls.
func (w *dialogBuilder) addEvent(control, event, argument, condition string) {
	w.ordering[control]++
	w.d.table("ControlEvent").add(w.name, control, event, argument, condition, strconv.Itoa(w.ordering[control]))
}

// buttons ends a dialog with its row of buttons: back, next and cancel. One
// without a label is left out.
func (w *dialogBuilder) buttons(back, next string) {
	for _, b := range []struct {
		control, label string
		x              int
	}{{"Back", back, 150}, {"Next", next, 216}, {"Cancel", w.d.say("cancel"), 294}} {
		if b.label != "" {
			w.push(b.control, b.x, 243, b.label)
		}
	}
	w.addEvent("Cancel", "SpawnDialog", cancelDlg, "1")
	standard := "Next"
	if next == "" {
		standard = "Cancel"
	}
	w.setFocus(w.firstToType(standard), standard, "Cancel")
}

// lastButton ends a dialog with one button.
func (w *dialogBuilder) lastButton(label string) {
	w.push("Next", 294, 243, label)
	w.setFocus("Next", "Next", "Next")
}

// shield has the button show that the system will ask for consent.
func (w *dialogBuilder) shield(control string) {
	for _, row := range w.controls() {
		if row[1] == control {
			row[7] = strconv.Itoa(shown | shield)
		}
	}
}

// modeless lets the work go on while the dialog is there.
func (w *dialogBuilder) modeless() { w.cell("Attributes", "1") }

// setFocus sets the first control with the focus, and the controls of Return and Escape.
// The controls that take the keyboard are chained into a ring.
func (w *dialogBuilder) setFocus(first, standard, cancel string) {
	w.cell("Control_First", first)
	w.cell("Control_Default", standard)
	w.cell("Control_Cancel", cancel)
	var ring [][]string
	for _, row := range w.controls() {
		if row[2] != "Line" && row[2] != "ProgressBar" && (row[2] != "Text" || strings.Contains(row[9], "&")) {
			ring = append(ring, row)
		}
	}
	for i, row := range ring {
		row[10] = ring[(i+1)%len(ring)][1]
	}
}

func (w *dialogBuilder) controls() [][]string { return w.d.table("Control").Rows[w.first:] }

// firstToType is the first control that is for typing, or standard.
func (w *dialogBuilder) firstToType(standard string) string {
	for _, row := range w.controls() {
		switch row[2] {
		case "Edit", "CheckBox", "RadioButtonGroup":
			return row[1]
		}
	}
	return standard
}

// cell sets a column of the dialog's own row.
func (w *dialogBuilder) cell(column, value string) {
	t := w.d.table("Dialog")
	for i, c := range t.Columns {
		if c.Name == column {
			t.Rows[w.dialog][i] = value
		}
	}
}

// rtf is plain text in the form that a scrolling control shows.
func rtf(plain string) string {
	var b strings.Builder
	b.WriteString(`{\rtf1\ansi\deff0{\fonttbl{\f0 Tahoma;}}\fs16 `)
	for paragraph := range strings.SplitSeq(strings.TrimSpace(plain), "\n\n") {
		b.WriteString(strings.NewReplacer(`\`, `\\`, "{", `\{`, "}", `\}`, "\n", `\line `).Replace(paragraph) + `\par\par `)
	}
	return b.String() + "}"
}
