package tms

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"
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
var harmless = regexp.MustCompile(`accounts?|encounter|discount|countr(y|ies)|caused|refused|confused|focused|paused|quotation|delimit|collapse|http status|(not|be|n t) present|(not|n t|be) (been |be )?processed|not exist|n t exist|non ?exist`)

// otherStems can mean a duplicate, a count, an end, or that something is disabled.
// They stand anywhere in a word, since a code runs its words together: TOKENEXPIRED.
// They are the second gate: words that no list foresees are not understood by [weigh].
var otherStems = regexp.MustCompile(`duplic|already|exist|uniq|conflict|twice|repeat|taken|reserved|another|present\b|processed|constraint|redeemed|inuse\b|\bin use\b|\bdup\b` +
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

// weigh reads a text or a code clause by clause. form says that a clause is about the
// form of a body; understood is false if some clause is about something else, or in
// words that are not known: another language, a code of the service's own.
func weigh(text string) (form, understood bool) {
	text = quotedNames.ReplaceAllStringFunc(listed.ReplaceAllString(text, "known properties "), func(name string) string {
		if memberNames.MatchString(strings.Trim(name, quotes)) {
			return " identifier "
		}
		return " "
	})
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII && unicode.IsLetter(r) }) {
		return false, false
	}
	for _, clause := range clauses.Split(text, -1) {
		about, known := weighClause(strings.TrimSpace(clause))
		if !known {
			return false, false
		}
		form = form || about
	}
	return form, true
}

// quotedNames are what a text quotes as one word, what has a digit or a dot in it: members,
// classes, paths, numbers of errors. A reason in them is found by [otherReason].
var quotedNames = regexp.MustCompile("[" + quotes + "][\\w$./\\[\\]-]{1,64}[" + quotes + "]" + `|[A-Za-z_$]+([./]\w+)+(\[\w*\])?|\b\w*[A-Za-z_]\w*\d\w*|\b\d+[A-Za-z_]\w*`)

const quotes = "\"'`“”‘’«»"

// clauses end at a mark. A dot ends one only before a space or at the end.
var clauses = regexp.MustCompile(`[,:;!?|()\[\]{}\n–—]+|\.(\s+|$)|\s-\s`)

var (
	// idle are words that contain one of [strong] by chance, or say that something
	// failed and not why.
	idle = regexp.MustCompile(`(does|do|did) not exist|(some|any|no|every) ?body|information|remember|annul|unexpected (error|exception|failure|problem|condition)|(could|can|did|was|were|is|has) ?not (be )?(been )?(processed|completed|handled|accepted|fulfilled)|unable to (process|handle|complete)|cannot (be )?(process|handle|complete)(ed|d)?`)

	// strong are words about the form of a body.
	strong = regexp.MustCompile(`body|bodies|payload|content|format|json|xml|syntax|pars(e|ing|able)|malform|schema|structur|seriali[sz]|marshal|decod|member|field|propert|element|attribut|param|object|array|charact|dictionar|input|validat|wrapp|document|unreadable|mismatch|underst(and|ood)` +
		`|(bad|invalid|incorrect|wrong|illegal|improper|unprocessable) ?(request|data|arguments?|values?|message|type)` +
		`|(request|data|arguments?|values?|message|type) ?(is |was |are |were )?(not )?(a )?(bad|invalid|valid|incorrect|wrong|illegal|readable)`)

	// weak are words about the form of a body where nothing else is said.
	weak = regexp.MustCompile(`^(unknown|unrecogni[sz]ed|unexpected|unsupported|missing|absent|required|requires|mandatory|expected|expecting|null|empty|blank|omitted|string|integer)$`)

	// ourWords are the words of the names of members and wrappers. Alone they are no
	// reason: "identifier: must not be null". With others they can be: a name is known.
	ourWords = regexp.MustCompile(`^(identifier|fqdn|system|user|name|mac|address|ref|id|registration|auth|tokens?)$`)

	// touchy are words of what a duplicate or an end is about. A clause with one of them
	// is understood only if each of its words is.
	touchy = regexp.MustCompile(`\b(identifier|fqdn|registration|auth|tokens?)\b`)

	// usual are words that stand beside [strong] ones.
	usual = wordSet(`contain contains have has one only other root inside within found find given provided supplied specified included set defined undefined
		match recognized recognised allowed unable additional expects known properly correct correctly wrapped reading first start`)

	// neutral are words that give no reason.
	neutral = wordSet(`a an the this that it its is are was were be been of in on at to for from with by as and or due because through your you our we please check see
		could can cannot not did do does must may should will would server service status client browser proxy http https error errors err exception failure failures
		failed fail fails code general generic common request requests response refused rejected denied cause caused operation call resource api rest tms ems rms thales sentinel
		invalid bad wrong incorrect illegal occurred encountered details detail following line column position offset path number byte char source stream
		reference chain marked ignorable type class value values data argument arguments message reason info description java lang com org read write`)
)

// weighClause is weigh for one clause.
func weighClause(clause string) (form, understood bool) {
	if clause == "400" {
		return true, true // a code that is only the status
	}
	text := idle.ReplaceAllString(words(clause), " ")
	form = strong.MatchString(text)
	if form && !touchy.MatchString(text) {
		return true, true
	}
	ours, others := false, false
	for w := range strings.FieldsSeq(text) {
		switch {
		case weak.MatchString(w):
			form = true
		case ourWords.MatchString(w):
			ours = true
		case neutral[w] || len(w) == 1:
			others = true
		case form && (usual[w] || strong.MatchString(w)):
		default:
			return false, false
		}
	}
	return form, form || !ours || !others
}

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(text) {
		set[w] = true
	}
	return set
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
