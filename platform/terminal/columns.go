package terminal

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// ColumnGap is how many spaces stand between two columns.
const ColumnGap = 2

// Columns lines up the cells of rows, Gap spaces apart, without spaces at the end
// of a line. Each row ends with a line feed. Rows may have different lengths.
func Columns(rows [][]string) string {
	widest := columnWidths(rows)
	var b strings.Builder
	for _, row := range rows {
		padded := make([]string, len(row))
		for i, cell := range row {
			padded[i] = cell + strings.Repeat(" ", widest[i]-Cells(cell)+ColumnGap)
		}
		b.WriteString(strings.TrimRight(strings.Join(padded, ""), " ") + "\n")
	}
	return b.String()
}

// columnWidths is how many cells of a terminal each column takes.
func columnWidths(rows [][]string) (widest []int) {
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widest) {
				widest = append(widest, 0)
			}
			widest[i] = max(widest[i], Cells(cell))
		}
	}
	return widest
}

// Cells returns how many cells of a terminal s takes. Wide characters, such as
// Chinese ones, take two (Unicode Standard Annex 11), combining marks none.
func Cells(s string) int {
	n := 0
	for _, r := range s {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
