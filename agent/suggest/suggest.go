// Package suggest finds the words that a person may have meant by a mistyped one.
package suggest

import (
	"slices"
	"strings"
)

const (
	maxName  = 256 // bytes; a longer name is no typing error
	maxWords = 3   // of one suggestion
	minPart  = 3   // letters; a shorter part is in too many words
)

// DidYouMean returns the end of an error about an unknown name: "; did you mean A or B?". It
// is "" if no word is similar.
func DidYouMean(name string, words []string) string { return question("", Similar(name, words)) }

// Flag is DidYouMean for a flag, without dashes before its name and those of flags.
func Flag(name string, flags []string) string {
	if len(name) < 2 { // the short form of a flag
		return ""
	}
	return question("--", Similar(name, flags))
}

func question(before string, near []string) string {
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + before + strings.Join(near, " or "+before) + "?"
}

// Command is a command of a program, as cobra has them.
type Command interface {
	Name() string
	IsAvailableCommand() bool // false for a hidden one
}

// Commands returns the names of the available commands.
func Commands[C Command](all []C) (names []string) {
	for _, c := range all {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// Similar returns at most 3 of words, the most similar first: mistyped ones, then those that
// begin with the name, then those that contain it. It ignores the case of letters.
func Similar(name string, words []string) []string {
	if name == "" || len(name) > maxName {
		return nil
	}
	lower := strings.ToLower(name)
	most := mostChanges(name)
	var found [5][]string
	for _, w := range words {
		word := strings.ToLower(w)
		rank := distance(lower, word)
		switch {
		case rank <= most:
		case strings.HasPrefix(word, lower):
			rank = 3
		case len(name) >= minPart && strings.Contains(word, lower):
			rank = 4
		default:
			continue
		}
		if !slices.Contains(found[rank], w) {
			found[rank] = append(found[rank], w)
		}
	}
	all := slices.Concat(found[:]...)
	return all[:min(len(all), maxWords)]
}

// Nearest returns the word that name is a typing error of, or "".
func Nearest(name string, words []string) string {
	best, least := "", 1+mostChanges(name)
	if len(name) > maxName {
		return ""
	}
	for _, w := range words {
		if d := distance(strings.ToLower(name), strings.ToLower(w)); d < least {
			best, least = w, d
		}
	}
	return best
}

// mostChanges is how many letters of a name may be wrong: one in three, at most two.
func mostChanges(name string) int { return min(2, len(name)/3) }

// distance returns the number of changes from a to b: insert, delete or replace a letter, or
// swap it with the next one.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		now := make([]int, len(b)+1)
		now[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			now[j+1] = min(now[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				now[j+1] = min(now[j+1], before[j-1]+1)
			}
		}
		before, last = last, now
	}
	return last[len(b)]
}
