package tms

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
)

// maxText bounds the service's words, in bytes.
const maxText = 300

var _ error = (*Failure)(nil)

// Error names the operation, the host and the result, in one line. The service's own
// words are in Message alone.
func (f *Failure) Error() string {
	switch f.Reach {
	case NotSent:
		return fmt.Sprintf("%s: nothing was sent to %s: %v", f.Op, f.Host, f.Err)
	case Lost:
		if f.Status != 0 {
			return fmt.Sprintf("%s: sent to %s, and the answer could not be read: %v", f.Op, f.Host, f.Err)
		}
		return fmt.Sprintf("%s: sent to %s, but no answer came that can be read: %v", f.Op, f.Host, f.Err)
	}
	said := strings.TrimSpace(fmt.Sprintf("%d %s", f.Status, http.StatusText(f.Status)))
	if f.Code != "" {
		said += " (" + f.Code + ")"
	}
	return fmt.Sprintf("%s: %s answered %s", f.Op, f.Host, said)
}

// ServiceWords returns the service's answer word by word: its code, and its text in
// quotes.
func (f *Failure) ServiceWords() string {
	if f.Message == "" || f.Code == "" {
		return strconv.Quote(f.Message + f.Code)
	}
	return f.Code + " " + strconv.Quote(f.Message)
}

// printable drops control characters, which could move the cursor or reverse the text.
func printable(r rune) rune {
	switch {
	case unicode.IsPrint(r):
		return r
	case unicode.IsSpace(r):
		return ' '
	}
	return -1
}
