package tms

import (
	"regexp"
	"strings"
	"unicode"
)

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
		match allowed unable additional expects known properly correct correctly wrapped reading first start`)

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
