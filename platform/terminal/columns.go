package terminal

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// ColumnGap is the number of spaces between two columns.
const ColumnGap = 2

// Columns aligns the cells of rows, ColumnGap spaces apart, without spaces at the end of a
// line. Each row ends with a line feed. Rows may have different lengths.
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

// columnWidths returns the width of each column in terminal cells.
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

// Cells returns the width of s in terminal cells. Wide characters, such as Chinese ones, have
// width 2 (Unicode Standard Annex 11), combining marks 0.
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
