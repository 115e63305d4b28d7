package tms

import (
	"net/http"
	"regexp"
	"strings"
)

// FormRefused reports whether the service refused the form of a body, and so did
// nothing (A): it answered 400 in its own shape, and its body is about the form and
// nothing else. What is not sure is no: a person who sets the form costs less than a
// count.
func (f *Failure) FormRefused() bool {
	return f.Reach == Answered && f.Status == http.StatusBadRequest && f.ServiceShape && f.AboutForm && f.Message != withheld && !f.SaysNothing()
}

// SaysNothing reports whether a refusal has no code, and words that any gateway
// sends. The service's errors have a code and a message (D), so it may be another's.
func (f *Failure) SaysNothing() bool {
	return f.Reach == Answered && f.Status == http.StatusBadRequest && f.Code == "" && generalWords.MatchString(f.Message)
}

var generalWords = regexp.MustCompile(`(?i)^\W*(bad|invalid|incorrect|wrong|malformed) (request|input|data|message)\W*$`)

// AboutForm reports whether the body of an error is about the form of the JSON that
// was sent, and about nothing else (A: no text of the service is documented). At least
// one text says so in words of [strong] or [weak]. No text or name, at any depth, has
// another reason in it, and no text has a clause that is not understood. What repeats
// what was sent is no reason. It is pure.
func AboutForm(body, sent []byte) bool {
	ours := map[string]bool{} // names and values
	for _, l := range Leaves(sent) {
		ours[l.Text], ours[l.Name] = true, true
	}
	about := false
	for _, l := range Leaves(body) {
		if !ours[l.Name] && !harmlessNames.MatchString(l.Name) && otherReason(l.Name) {
			return false
		}
		switch {
		case ours[l.Text], literals[l.Text], opaque(l):
			continue
		case missesOurs(l.Text, ours):
			about = true
			continue
		case otherReason(l.Text), otherStatus[l.Text] && statusNames.MatchString(l.Name):
			return false
		case technicalNames.MatchString(l.Name):
			continue
		}
		form, understood := weigh(l.Text)
		if !understood {
			return false
		}
		about = about || form
	}
	return about
}

// literals are values whose name says what there is to say.
var literals = map[string]bool{"true": true, "false": true, "null": true}

// opaque reports whether a leaf is the id of a request, in which letters stand by chance.
func opaque(l Leaf) bool {
	return idNames.MatchString(l.Name) && strings.ContainsAny(l.Text, "0123456789") && !strings.Contains(l.Text, " ")
}

// otherStatus are numbers that mean another reason where a code or a status stands.
var otherStatus = map[string]bool{"409": true, "410": true}

var (
	idNames     = regexp.MustCompile(`(?i)(id|ref)$`)
	statusNames = regexp.MustCompile(`(?i)code|status|error`)

	// technicalNames are members that say nothing for people.
	technicalNames = regexp.MustCompile(`(?i)id$|ref$|^(http)?status(code)?$|time|date$|path|^type$|instance|target|trace|exception|class|object|field|property|location|pointer|locale|language` +
		`|ur[il]$|href|link|documentation|version|severity|level|method|host|server|service$|rejected|arguments?$|line|column|count$`)

	// harmlessNames are members of an envelope in which a stem of [otherStems] stands.
	harmlessNames = regexp.MustCompile(`(?i)id$|^(http)?status(code)?$|^date$|^(error|total)?count$`)
)

// memberNames are names that a body of the service may have. A service that does not
// know one, or lists those that it knows, names them.
var memberNames = regexp.MustCompile(`(?i)^(identifier|fqdn|(system)?userName|mac(Address)?|refId[12]?|(registration|auth)Tokens?|(used|total)?count|state|status|(expiration|expiry|creation)?date|enabled)$`)

// listed is where an error names members: those that the service knows.
var listed = regexp.MustCompile(`(?i)(known|allowed|expected|permitted|supported|accepted|valid) (properties|fields|members|names|keys|attributes)\W{0,3}[:(\[]\W*\w+(["']?\s*,\s*["']?\w+)*`)

// unknown is where an error names the member that the service does not know.
var unknown = regexp.MustCompile(`(?i)(unrecogni[sz]ed|unknown|unexpected|additional) (field|property|member|key|attribute|element)\W{1,3}\w+`)

// compound is a name of several words, as members have: maxCount.
var compound = regexp.MustCompile(`^[a-z]+[A-Z]\w*$`)

// word is one word of a text, or the name of a member.
var word = regexp.MustCompile(`\w+`)

// unnamed takes the names of members out of where an error names them. What is no
// such name stays, and may be a reason: "unknown attribute: expired".
func unnamed(text string) string {
	text = unknown.ReplaceAllStringFunc(text, func(s string) string {
		return word.ReplaceAllStringFunc(s, func(w string) string {
			if memberNames.MatchString(w) {
				return ""
			}
			return w
		})
	})
	return listed.ReplaceAllStringFunc(text, func(s string) string {
		return word.ReplaceAllStringFunc(s, func(w string) string {
			if memberNames.MatchString(w) || compound.MatchString(w) {
				return ""
			}
			return w
		})
	})
}

// misses is a text that misses a member, and says nothing else.
var misses = regexp.MustCompile(`(?i)^\W*(\w+)\W+((is|field)\W+)?(required|missing|(must|may|can) ?not be (null|empty|blank))\W*$` +
	`|^\W*(?:missing|required)\W+(?:(?:field|member|property)\W+)?(\w+)\W*$`)

// missesOurs reports whether a text misses a member that was sent: the service did
// not see it in this form.
func missesOurs(text string, ours map[string]bool) bool {
	m := misses.FindStringSubmatch(text)
	return m != nil && (m[1] != "" && ours[m[1]] || ours[m[len(m)-1]])
}

// harmless are words in which a stem of [otherStems] stands by chance, and what is
// said of a thing that does not exist: no duplicate.
var harmless = regexp.MustCompile(`accounts?|encounter|discount|countr(y|ies)|caused|refused|confused|focused|paused|quotation|delimit|collapse|http status|not exist|n t exist|non ?exist`)

// otherStems can mean a duplicate, a count, an end, or that something is disabled.
// They stand anywhere in a word, since a code runs its words together: TOKENEXPIRED.
// They are the second gate: words that no list foresees are not understood by [weigh].
var otherStems = regexp.MustCompile(`duplic|already|exist|uniq|conflict|twice|repeat|taken|reserved|another|constraint|redeemed|inuse\b|\bin use\b|\bdup\b` +
	`|count|consum|exhaust|limit|quota|exceed|maxim|remain|deplet|used|insufficient|no ?more\b|too many|not enough|no (auth )?tokens|out of|run out|spent|capacity` +
	`|expir|lapse|outdated|validity|no ?longer|not yet|terminat|cancel|withdrawn|on hold|ended\b` +
	`|disabl|enabl|activ|suspend|revo[kc]|locked|delet|invalid (reg(istration)? ?)?token|invalidtoken|token (is )?(invalid|not valid)` +
	`|abgelauf|bereits|vergeben|vorhanden|verbraucht|gesperrt|deaktiv|scadut|caduc` + // a service may speak its tenant's language
	`|\b(states?|status|dates?|max|left|late)\b`)

// otherReason reports whether a code, a text or a name can be about a duplicate or a
// registration token, and not about the form of a body.
func otherReason(text string) bool {
	return otherStems.MatchString(harmless.ReplaceAllString(words(unnamed(text)), " "))
}
