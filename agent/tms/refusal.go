package tms

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// FormRefused reports whether the service refused the form of a body, and so did nothing
// (A). It answered 400 in its own shape, and its body is only about the form. If this is
// not certain, the result is false: setting the form by hand costs less than a count.
func (f *Failure) FormRefused() bool {
	return f.Reach == Answered && f.Status == http.StatusBadRequest && f.ServiceShape && f.AboutForm && f.Message != withheld && !f.SaysNothing()
}

// SaysNothing reports whether a refusal has no code of its own, and words that any
// gateway or framework sends: {"status":400,"error":"Bad Request"}. The service's errors have a code and a message (D), so it may be another's.
func (f *Failure) SaysNothing() bool {
	return f.Reach == Answered && f.Status == http.StatusBadRequest && f.Code+f.Message != "" &&
		(f.Code == "" || generalWords.MatchString(f.Code)) && (f.Message == "" || generalWords.MatchString(f.Message))
}

var generalWords = regexp.MustCompile(`(?i)^\W*(bad|invalid|incorrect|wrong|malformed) (request|input|data|message)\W*$`)

// AboutForm reports whether the body of an error can only be about the JSON that was sent
// (A: no text of the service is documented). No text or name in it, at any depth, may
// mean a duplicate, a count, an end, or a disabled token. A text in another script than
// the Latin one may mean that. A repetition of the request is no reason. It is pure.
func AboutForm(body, sent []byte) bool {
	ours := map[string]bool{} // names and values
	for _, l := range Leaves(sent) {
		ours[l.Text], ours[l.Name] = true, true
	}
	said := false
	for _, l := range Leaves(body) {
		said = true
		switch {
		case !ours[l.Name] && !harmlessNames.MatchString(l.Name) && otherReason(l.Name):
			return false
		case ours[l.Text], literals[l.Text], opaque(l), missesOurs(l.Text, ours):
		case otherReason(l.Text), otherScript.MatchString(l.Text), otherStatus[l.Text] && statusNames.MatchString(l.Name):
			return false
		}
	}
	return said
}

// otherScript are letters that [otherStems] cannot read.
var otherScript = regexp.MustCompile(`[^\P{L}\p{Latin}]`)

// literals are values without a meaning beyond their name.
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

// unnamed takes the names of members out of where an error names them. Other names stay,
// and may be a reason: "unknown attribute: expired".
func unnamed(text string) string {
	return without(without(text, unknown, memberNames), listed, memberNames, compound)
}

// without takes the words that match names out of each part of text that matches in.
func without(text string, in *regexp.Regexp, names ...*regexp.Regexp) string {
	return in.ReplaceAllStringFunc(text, func(part string) string {
		return word.ReplaceAllStringFunc(part, func(w string) string {
			if slices.ContainsFunc(names, func(name *regexp.Regexp) bool { return name.MatchString(w) }) {
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

// harmless are words that contain a stem of [otherStems] by chance, and negations: no
// duplicate.
var harmless = regexp.MustCompile(`accounts?|encounter|discount|countr(y|ies)|caused|refused|confused|focused|paused|quotation|delimit|collapse|http status|(not|be|n t) present|no \w+ present|(not|n t|be) (been |be )?processed|not exist|n t exist|non ?exist`)

// otherStems can mean a duplicate, a count, an end, or that something is disabled.
// They stand anywhere in a word, since a code runs its words together: TOKENEXPIRED.
var otherStems = regexp.MustCompile(`duplic|already|exist|uniq|conflict|twice|repeat|taken|reserved|another|present\b|processed|constraint|redeemed|inuse\b|\bin use\b|\bdup\b` +
	`|count|consum|exhaust|limit|quota|exceed|maxim|remain|deplet|used|insufficient|no ?more\b|too many|not enough|no (auth )?tokens|out of|run out|spent|capacity` +
	`|expir|lapse|outdated|validity|no ?longer|not yet|terminat|cancel|withdrawn|on hold|ended\b` +
	`|disabl|enabl|activ|suspend|revo[kc]|locked|delet|invalid (reg(istration)? ?)?token|invalidtoken|token (is )?(invalid|not valid)` +
	`|\bis known|somebody|someone|\bholds\b|\bbefore\b|collid|clash|allot|ceiling|\bgone\b|block|new (registration )?token` +
	`|abgelauf|bereits|schon|vergeben|belegt|vorhanden|verbraucht|gesperrt|deaktiv|déjà|deja|\bpris|périm|perim|épuis|epuis|utilis|scadut|esaurit|caduc|agotad|usad|verlopen|gebruikt` + // a service may speak its tenant's language
	`|\b(states?|status|dates?|max|left|late)\b`)

// otherReason reports whether a code, a text or a name can be about a duplicate or a
// registration token, and not about the form of a body.
func otherReason(text string) bool {
	return otherStems.MatchString(harmless.ReplaceAllString(words(unnamed(text)), " "))
}

// words splits a text or a code into its words, in lower case. It splits at other
// characters than letters, and where a capital begins a word (countExceeded).
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
