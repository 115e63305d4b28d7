package main

import (
	"regexp"
	"strconv"
	"strings"
)

// The texts of the installers in English. Their translations follow them.
const (
	msiTexts     = "packaging/msi/texts/en.json"
	debconfTexts = "packaging/deb/templates"
)

var (
	msiText     = regexp.MustCompile(`^ *"[\w.-]+": ("(?:[^"\\]|\\.)*")`)
	msiLiteral  = regexp.MustCompile(`\[\w+\]|%\d|[A-Z]:\\\S+|\b[A-Z]{6,}\b|\bmsiexec .*`)
	debconfText = regexp.MustCompile(`^_?Description: (.*)`)
)

// msi adds the texts of the dialogs of the MSI.
func (t *texts) msi(name, text string) {
	for i, line := range strings.Split(text, "\n") {
		m := msiText.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if s, err := strconv.Unquote(m[1]); err == nil {
			s = msiLiteral.ReplaceAllString(strings.ReplaceAll(s, "&", ""), "`$0`")
			t.blocks = append(t.blocks, block{"installers", name, i + 1, s})
		}
	}
}

// debconf adds the paragraphs of the questions of the Debian package.
func (t *texts) debconf(name, text string) {
	var b block
	end := func() {
		if b.text != "" {
			t.blocks = append(t.blocks, b)
		}
		b = block{}
	}
	for i, line := range strings.Split(text, "\n") {
		if m := debconfText.FindStringSubmatch(line); m != nil {
			t.blocks = append(t.blocks, block{"installers", name, i + 1, m[1]})
		}
		if !strings.HasPrefix(line, " ") || line == " ." {
			end()
			continue
		}
		if b.text == "" {
			b = block{"installers", name, i + 1, strings.TrimSpace(line)}
		} else {
			b.text += "\n" + strings.TrimSpace(line)
		}
	}
	end()
}
