package tms

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"
)

// FormRefused reports whether the service refused the form of a body, and so did
// nothing (A): it answered 400 in its own shape, and neither its code nor its words
// can mean another reason. What is not sure is no: a person who sets the form costs
// less than a count.
func (f *Failure) FormRefused() bool {
	return f.Reach == Answered && f.Status == http.StatusBadRequest && f.ServiceShape &&
		f.Message != withheld && !otherReason(f.Code+" "+f.Message) && f.Code != "409" && f.Code != "410"
}

// aboutForm is what a refusal of the form may say with any name in it: the members
// that the service knows, and the one that it does not.
var aboutForm = regexp.MustCompile(`(?i)(known|allowed|expected|permitted|supported|accepted|valid) (properties|fields|members|names|keys|attributes)\W{0,3}[:(\[]\W*\w+(["']?\s*,\s*["']?\w+)*` +
	`|(unrecogni[sz]ed|unknown) (field|property|member|key|attribute|element)\W{1,3}\w+`)

// harmless are words in which a stem of [otherStems] stands by chance, and what is
// said of a thing that does not exist: no duplicate.
var harmless = regexp.MustCompile(`accounts?|encounter|discount|countr(y|ies)|caused|refused|confused|focused|paused|quotation|delimit|collapse|not exist|n t exist|non ?exist`)

// otherStems can mean a duplicate, a count, an end, or that something is disabled
// (A: no text of the service is documented). They stand anywhere in a word, since a
// code runs its words together: TOKENEXPIRED.
var otherStems = regexp.MustCompile(`duplic|already|exist|uniq|conflict|twice|repeat|taken|reserved|another|constraint|redeemed|inuse\b|\bin use\b|\bdup\b` +
	`|count|consum|exhaust|limit|quota|exceed|maxim|remain|deplet|used|insufficient|no ?more\b|too many|not enough|no (auth )?tokens|out of|run out|spent|capacity` +
	`|expir|lapse|outdated|validity|no ?longer|not yet|terminat|cancel|withdrawn|on hold|ended\b` +
	`|disabl|enabl|activ|suspend|revo[kc]|locked|delet|invalid (reg(istration)? ?)?token|invalidtoken|token (is )?(invalid|not valid)` +
	`|abgelauf|bereits|verbraucht|gesperrt|ung.ltiger? token|deaktiv|déjà|scadut|caduc` + // a service may speak its tenant's language
	`|\b(states?|status|dates?|max|left|late)\b`)

// otherReason reports whether a code or a text can be about a duplicate or a
// registration token, and not about the form of a body.
func otherReason(text string) bool {
	spaced := words(aboutForm.ReplaceAllString(text, " "))
	return otherStems.MatchString(harmless.ReplaceAllString(spaced, " "))
}

// words splits a text or a code into its words, in lower case: at what is no
// letter, and where a capital begins a word (countExceeded).
func words(text string) string {
	var b strings.Builder
	small := false
	for _, r := range text {
		if small && unicode.IsUpper(r) {
			b.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		if !unicode.IsLetter(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
