package authz

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// accounts has the words by which a rule names users or groups.
type accounts struct {
	one    string // "user" or "group"
	byID   string // before an id
	byName string // before a name
	named  func(e Evidence, name string) (id string, err error)
}

var (
	users  = accounts{"user", "uid:", "user:", Evidence.UserNamed}
	groups = accounts{"group", "gid:", "group:", Evidence.GroupNamed}
)

// NormalizeUser checks the name of a user in a rule: "uid:" and an id, "user:" and a name,
// or an id or name alone. A number alone is an id. The error says how to correct it.
func NormalizeUser(word string) (string, error) { return users.normalize(word) }

// NormalizeGroup is [NormalizeUser] for groups, with "gid:" and "group:".
func NormalizeGroup(word string) (string, error) { return groups.normalize(word) }

func (a accounts) normalize(word string) (string, error) {
	kind, rest, marked := strings.Cut(word, ":")
	switch {
	case word == "" || strings.TrimSpace(word) != word:
		return "", errors.New("is empty or has spaces around it; write a name or a decimal id")
	case !marked:
		return word, nil
	case kind+":" == a.byName && rest != "" && strings.TrimSpace(rest) == rest && !strings.Contains(rest, ":"):
		return word, nil
	case kind+":" == a.byID && (IsID(rest) || strings.HasPrefix(rest, "S-1-")):
		return word, nil
	case kind+":" == a.byID:
		return "", fmt.Errorf("has no decimal id or SID after %s; write one, or %sNAME", a.byID, a.byName)
	}
	return "", fmt.Errorf("has a colon, but no name has one; write %sNAME or %sNUMBER", a.byName, a.byID)
}

// IsID reports whether a word is a uid or gid in decimal, without leading zeros.
func IsID(word string) bool {
	id, err := strconv.ParseUint(word, 10, 32)
	return err == nil && strconv.FormatUint(id, 10) == word
}

// IsNumber reports whether a word has only digits. It then means an id, although it may also
// be a name.
func IsNumber(word string) bool { return word != "" && strings.Trim(word, "0123456789") == "" }

// matchesUser reports whether one of the words means the caller's user. doubt explains a
// number that may mean the caller or another user.
func matchesUser(words []string, c Caller) (is bool, doubt string) {
	id, name := [1]string{c.UID}, [1]string{c.User}
	return users.contain(words, id[:], name[:], c.Evidence)
}

// matchesGroups is matchesUser for the caller's groups.
func matchesGroups(words []string, c Caller) (is bool, doubt string) {
	return groups.contain(words, c.GIDs, c.Groups, c.Evidence)
}

func (a accounts) contain(words, ids, names []string, e Evidence) (is bool, doubt string) {
	for _, w := range words {
		id, byID := strings.CutPrefix(w, a.byID)
		name, byName := strings.CutPrefix(w, a.byName)
		switch {
		case id == "" || name == "":
		case byID:
			is = slices.Contains(ids, id)
		case byName:
			is = slices.Contains(names, name)
		case IsNumber(w):
			var unclear string
			if is, unclear = a.matchNumber(w, ids, names, e); unclear != "" {
				doubt = unclear
			}
		default:
			is = slices.Contains(ids, w) || slices.Contains(names, w)
		}
		if is {
			return true, ""
		}
	}
	return false, doubt
}

// matchNumber reports whether a number alone means one of the ids. It is never a name:
// otherwise a user could choose the name 1000 and match the rule for that id. It is no id
// either if another account has it as its name, since the rule may mean that account.
func (a accounts) matchNumber(w string, ids, names []string, e Evidence) (is bool, doubt string) {
	isID, isName := slices.Contains(ids, w), slices.Contains(names, w)
	switch {
	case isID && isName:
		return true, ""
	case isName:
		return false, fmt.Sprintf("%s is its name, and a number alone means an id; write %s%s", w, a.byName, w)
	case !isID:
		return false, ""
	case e == nil:
		return false, fmt.Sprintf("it is not proven that %s is not also a name; write %s%s", w, a.byID, w)
	}
	other, err := a.named(e, w)
	switch {
	case err != nil:
		return false, fmt.Sprintf("Regent cannot find out whether %s is also a name (%v); write %s%s", w, err, a.byID, w)
	case other != "" && other != w:
		return false, fmt.Sprintf("%s is its id, and also the name of the %s with %s%s; write %s%s or %s%s", w, a.one, a.byID, other, a.byID, w, a.byName, w)
	}
	return true, ""
}
