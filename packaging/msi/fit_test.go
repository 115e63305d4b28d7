package main

import (
	"strconv"
	"strings"
	"testing"
)

// advances are the widths of the letters from the space to the tilde in Tahoma, the
// font of the dialogs, in 2048ths of its size.
var advances = [...]int{
	639, 680, 821, 1491, 1118, 2001, 1380, 432, 784, 784, 1118, 1491, 621, 743, 621, 782,
	1118, 1118, 1118, 1118, 1118, 1118, 1118, 1118, 1118, 1118, 725, 725, 1491, 1491, 1491, 971,
	1862, 1229, 1206, 1231, 1389, 1149, 1067, 1366, 1382, 764, 854, 1204, 1020, 1579, 1366, 1450,
	1128, 1450, 1272, 1141, 1196, 1343, 1223, 1847, 1190, 1180, 1145, 784, 782, 784, 1491, 1118,
	1118, 1075, 1133, 944, 1133, 1077, 651, 1133, 1143, 469, 578, 1020, 469, 1720, 1143, 1112,
	1133, 1133, 737, 913, 684, 1143, 1020, 1520, 1014, 1020, 909, 983, 782, 983, 1491,
}

// Sizes on a screen with 96 dots to the inch, where a dialog's unit has 4/3 of one.
const (
	fontSize   = 11 // dots, of 8 points
	lineHeight = 13
	boxWidth   = 18 // of what is ticked, before its text
	buttonEdge = 12 // left and right of a button's text
	shieldSize = 20
)

// dots is how wide text is on the screen, with 4 % to spare.
func dots(text string) int {
	sum := 0
	for _, r := range text {
		if at := int(r) - ' '; at < len(advances) {
			sum += advances[at]
		} else {
			sum += 1450 // no letter of Latin-1 that we write is wider than O
		}
	}
	return sum * fontSize * 104 / 100 / 2048
}

// fits reports whether text, broken at its spaces, is seen in full.
func fits(text string, width, height int) bool {
	lines, at := 1, 0
	for word := range strings.FieldsSeq(text) {
		switch n := dots(word); {
		case n > width:
			return false
		case at == 0:
			at = n
		case at+dots(" ")+n > width:
			lines, at = lines+1, n
		default:
			at += dots(" ") + n
		}
	}
	return lines*lineHeight <= height
}

// sample has examples in the place of what is known only on the device.
var sample = strings.NewReplacer("&", "", "[ProductName]", "Regent", "["+tenant+"]", "https://licences.demo-host.com/",
	"["+tokenFile+"]", `C:\Users\Public\Documents\token.txt`, "%1", `C:\Users\Administrator\Documents\token.txt`)

// TestTextsFit: no text of a dialog is cut off, in any language.
func TestTextsFit(t *testing.T) {
	for _, l := range languages {
		tables := made(t, "amd64", l.name)
		try := func(name, text string, width, height int) {
			if !fits(sample.Replace(text), width, height) {
				t.Errorf("%s: %s has %d by %d dots, which is too small for %q", l.name, name, width, height, text)
			}
		}
		for _, row := range tables["Control"].Rows {
			content, width, height := controlTexts(t, tables, row)
			for _, text := range content {
				try(row[0]+"/"+row[1], text, width, height)
			}
		}
		for _, row := range tables["RadioButton"].Rows {
			try("RadioButton "+row[2], row[7], number(t, row[5])*4/3-boxWidth, number(t, row[6])*4/3)
		}
	}
}

// controlTexts returns what a control may show, and the room that it has for it.
func controlTexts(t *testing.T, tables map[string]Table, row []string) (content []string, width, height int) {
	t.Helper()
	width, height = number(t, row[5])*4/3, number(t, row[6])*4/3
	title, bold := strings.CutPrefix(row[9], `{\Bold}`)
	switch name := row[0] + "/" + row[1]; {
	case row[2] == "ScrollableText", row[2] == "Edit", row[9] == "" && row[1] != "Action":
		return nil, 0, 0
	case row[2] == "CheckBox":
		width -= boxWidth
	case row[2] == "PushButton" && number(t, row[7])&shield != 0:
		width -= buttonEdge + shieldSize
	case row[2] == "PushButton":
		width -= buttonEdge
	case bold:
		return []string{title}, width * 4 / 5, height
	case name == invalidAnswerDlg+"/Text":
		return problemTexts(t, tables), width, height
	case name == progressDlg+"/Action":
		return column(tables["ActionText"], 1), width, height
	}
	return []string{row[9]}, width, height
}

// TestFitsRefuses: what is too long does not fit.
func TestFitsRefuses(t *testing.T) {
	for _, tt := range []struct {
		text          string
		width, height int
		want          bool
	}{
		{"Installieren", 62, 22, true},
		{"Installieren", 50, 22, false},
		{"Installieren Sie", 62, 22, false},
		{"Installieren Sie", 62, 26, true},
		{"Größe", 62, 12, false},
	} {
		if got := fits(tt.text, tt.width, tt.height); got != tt.want {
			t.Errorf("%q in %d by %d: got %v, want %v", tt.text, tt.width, tt.height, got, tt.want)
		}
	}
}

func problemTexts(t *testing.T, tables map[string]Table) []string {
	t.Helper()
	var out []string
	for _, name := range problems {
		out = append(out, cells(t, tables["Property"], "Value")["Problem"+name])
	}
	return out
}

func column(table Table, at int) []string {
	var out []string
	for _, row := range table.Rows {
		out = append(out, row[at])
	}
	return out
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
