// Package page writes pages for people: one HTML file without a script, which loads nothing.
//
// A page fits a window of 360 pixels, follows the light or dark scheme of its reader, and can
// be printed. The browser may use only the style of this package, by its hash. All data is escaped.
package page

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"strings"

	"regent/platform/terminal"
)

//go:embed page.css
var style string

//go:embed page.html
var frame string

// Table is a table. In a narrow window each cell stands in its own line, with the label of its
// column.
type Table struct {
	Head []string
	Rows [][]string
}

// marker is how each page begins.
var marker, _, _ = strings.Cut(frame, "{{")

// CheckFile returns an error if a page must not replace the file at path: the file has content
// and is not a page of [Write]. It may be evidence or a configuration. CheckFile reads only
// regular files.
func CheckFile(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil // nothing is lost, and the write reports another fault
	}
	foreign := errors.New("the file exists and is not a page of Regent; name another file")
	f, err := os.Open(path) //nolint:gosec // the file that its reader named
	if err != nil {
		return foreign
	}
	defer f.Close() //nolint:errcheck // it was only read
	start := make([]byte, len(marker))
	if _, err := io.ReadFull(f, start); err != nil || string(start) != marker {
		return foreign
	}
	return nil
}

// Write writes a page with the data. text is a template with the definitions "title" and
// "body". It can use "table" (of a [Table]), "facts" (of a [][2]string) and the function
// printable, which replaces control characters.
func Write(w io.Writer, text string, data any) error {
	sum := sha256.Sum256([]byte(style))
	t, err := template.New("page").Funcs(template.FuncMap{
		"style":     func() template.CSS { return template.CSS(style) }, //nolint:gosec // the style of this package
		"hash":      func() string { return base64.StdEncoding.EncodeToString(sum[:]) },
		"printable": terminal.Printable,
	}).Parse(frame)
	if err == nil {
		t, err = t.Parse(text)
	}
	if err != nil {
		return fmt.Errorf("[unexpected] parse the page: %w", err)
	}
	if err := t.Execute(w, data); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}
