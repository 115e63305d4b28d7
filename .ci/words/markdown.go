package main

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	fence       = regexp.MustCompile("^\\s*(```+|~~~+)")
	heading     = regexp.MustCompile(`^#{1,6}\s`)
	listItem    = regexp.MustCompile(`^\s*([-*+]|\d+[.)])\s+`)
	tableRule   = regexp.MustCompile(`^\s*\|[\s:|-]+$`)
	reference   = regexp.MustCompile(`^\s*\[[^]]+\]:\s`)
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	image       = regexp.MustCompile(`!\[([^]]*)\]\([^)]*\)`)
	link        = regexp.MustCompile(`\[([^]]*)\]\([^)\s]*\)`)
	htmlTag     = regexp.MustCompile(`</?[a-z][^>\n]*>`)
	changeKind  = regexp.MustCompile(`^(added|changed|fixed|security): `)
)

// reader gathers lines into blocks.
type reader struct {
	to   *texts
	kind string
	file string
	line int // of the first line of the block
	open []string
}

func (r *reader) add(line int, text string) {
	if len(r.open) == 0 {
		r.line = line
	}
	r.open = append(r.open, text)
}

func (r *reader) end() {
	if len(r.open) > 0 {
		r.to.blocks = append(r.to.blocks, block{r.kind, r.file, r.line, inline(strings.Join(r.open, "\n"))})
	}
	r.open = nil
}

// inline takes the marks out of Markdown that are no words.
func inline(text string) string {
	text = image.ReplaceAllString(text, "$1")
	text = link.ReplaceAllString(text, "$1")
	return htmlTag.ReplaceAllString(text, "")
}

// markdown adds the texts of a document.
func (t *texts) markdown(name, text string) {
	text = htmlComment.ReplaceAllStringFunc(text, func(c string) string { return strings.Repeat("\n", strings.Count(c, "\n")) })
	r := &reader{to: t, kind: kindOf(name), file: name}
	fenced, inList := "", false
	for i, line := range strings.Split(text, "\n") {
		m := fence.FindStringSubmatch(line)
		switch {
		case fenced != "":
			if m != nil && strings.HasPrefix(m[1], fenced) {
				fenced = ""
			}
			continue
		case m != nil:
			r.end()
			fenced = m[1]
			continue
		}
		item := listItem.FindString(line)
		switch {
		case strings.TrimSpace(line) == "":
			r.end()
			continue
		case heading.MatchString(line), tableRule.MatchString(line), reference.MatchString(line):
			r.end()
			inList = false
			continue
		case strings.HasPrefix(strings.TrimSpace(line), "|"):
			r.end()
			r.row(i+1, line)
			continue
		case item != "":
			r.end()
			inList = true
		case len(r.open) == 0 && strings.HasPrefix(line, "    ") && !inList: // a block of code
			continue
		case len(r.open) == 0 && !strings.HasPrefix(line, " "):
			inList = false
		}
		if utf8.RuneCountInString(line) > widest {
			t.wide = append(t.wide, block{r.kind, name, i + 1, line})
		}
		line = strings.TrimPrefix(line[len(item):], "> ")
		if r.kind == "changelog" && i == 0 {
			line = changeKind.ReplaceAllString(line, "")
		}
		r.add(i+1, line)
	}
	r.end()
}

// row adds each cell of a table's row.
func (r *reader) row(line int, text string) {
	text = codeSpan.ReplaceAllStringFunc(text, func(s string) string { return strings.ReplaceAll(s, "|", "/") })
	for _, cell := range strings.Split(strings.ReplaceAll(text, `\|`, "/"), "|") {
		if strings.TrimSpace(cell) != "" {
			r.add(line, cell)
			r.end()
		}
	}
}
