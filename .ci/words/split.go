package main

import (
	"regexp"
	"strings"
	"unicode"
)

// A sentence is a part of a block.
type sentence struct {
	line  int // of its first word, from 0 at the block's first line
	words int
	text  string
}

// blank stands for a space in a code span, so that the span stays one word.
const blank = "\x00"

var (
	// abbreviations end in a full stop that ends no sentence.
	abbreviations = regexp.MustCompile(`(?i)^[("'“*_]*(e\.g|i\.e|etc|no|vs|cf|approx|incl|resp|fig|mr|ms|dr)\.[)"'”*_,]*$`)
	ends          = regexp.MustCompile("[.?!][)\\]\"'”’*_`]*$")
	hasWord       = regexp.MustCompile(`[\pL\pN]`)
	numbered      = regexp.MustCompile(`^\d`)
)

// sentences cuts the text of a block. A full stop, a question or an exclamation mark
// before a space ends a sentence, and so does the end of the block.
func sentences(text string) []sentence {
	text = codeSpan.ReplaceAllStringFunc(text, func(s string) string {
		return strings.Join(strings.FieldsFunc(s, unicode.IsSpace), blank)
	})
	var (
		all  []sentence
		one  []string
		from int
		n    int
	)
	flush := func() {
		if n > 0 {
			all = append(all, sentence{from, n, strings.ReplaceAll(strings.Join(one, " "), blank, " ")})
		}
		one, n = nil, 0
	}
	for i, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		for j, word := range words {
			if len(one) == 0 {
				from = i
			}
			one = append(one, word)
			if !hasWord.MatchString(word) {
				continue
			}
			n++
			if ends.MatchString(word) && !abbreviates(word, words[j+1:]) {
				flush()
			}
		}
	}
	flush()
	return all
}

// abbreviates reports whether the full stop of word is that of an abbreviation. "No."
// is one only before a number, "etc." only before more of the same sentence.
func abbreviates(word string, next []string) bool {
	m := abbreviations.FindStringSubmatch(word)
	if m == nil {
		return false
	}
	switch strings.ToLower(m[1]) {
	case "no":
		return len(next) > 0 && numbered.MatchString(next[0])
	case "etc":
		return len(next) > 0 && unicode.IsLower([]rune(next[0])[0])
	}
	return true
}
