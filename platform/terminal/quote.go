package terminal

import (
	"runtime"
	"strings"
	"unicode"
)

// Quote returns s as one word of a command that a person copies into a shell. It returns s
// itself if the shell reads it as one word. s must be printable, see [Printable].
//
// On Windows the quotes are those that cmd and PowerShell have in common. A shell there
// still replaces names of variables, such as %NAME%.
func Quote(s string) string { return quoteFor(runtime.GOOS, s) }

func quoteFor(system, s string) string {
	plain := "_@%+=:,./-"
	if system == "windows" {
		plain = `_+:./\~-`
	}
	special := strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(plain, r)
	})
	switch {
	case s != "" && !special:
		return s
	case system == "windows":
		return `"` + s + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
