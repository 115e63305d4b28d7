package authz

import (
	"errors"
	"strings"
)

const (
	organisation = "2.5.4.10"
	commonName   = "2.5.4.3"

	maxAttributes = 32
)

// attributeTypes are the names that Windows has for parts of a subject. What has
// none is written OID.1.2.3.
var attributeTypes = [...]struct{ name, oid string }{
	{"CN", commonName},
	{"SN", "2.5.4.4"},
	{"SERIALNUMBER", "2.5.4.5"},
	{"C", "2.5.4.6"},
	{"L", "2.5.4.7"},
	{"S", "2.5.4.8"},
	{"ST", "2.5.4.8"}, // as others write it
	{"STREET", "2.5.4.9"},
	{"O", organisation},
	{"OU", "2.5.4.11"},
	{"T", "2.5.4.12"},
	{"G", "2.5.4.42"},
	{"I", "2.5.4.43"},
	{"DC", "0.9.2342.19200300.100.1.25"},
	{"E", "1.2.840.113549.1.9.1"},
}

func attributeOID(name string) (oid string, ok bool) {
	name = strings.ToUpper(name)
	if oid, ok := strings.CutPrefix(name, "OID."); ok {
		return oid, oid != "" && strings.Trim(oid, "0123456789.") == ""
	}
	for _, t := range attributeTypes {
		if t.name == name {
			return t.oid, true
		}
	}
	return "", false
}

func attributeName(oid string) string {
	for _, t := range attributeTypes {
		if t.oid == oid {
			return t.name
		}
	}
	return "OID." + oid
}

// subjectText writes a subject as Windows does: CN="Example, Inc.", C=US.
func subjectText(subject []Attribute) string {
	parts := make([]string, len(subject))
	for i, a := range subject {
		value := a.Value
		if value == "" || strings.ContainsAny(value, reserved) || strings.TrimSpace(value) != value {
			value = `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
		}
		parts[i] = attributeName(a.OID) + "=" + value
	}
	return strings.Join(parts, ", ")
}

// reserved are the characters that stand in a value only if it is in quotes.
const reserved = ",+=\"\n<>#;"

var errSubject = errors.New("is no subject of a certificate")

// parseSubject reads parts of a subject, as [subjectText] writes them.
func parseSubject(s string) ([]Attribute, error) {
	var subject []Attribute
	for rest := s; ; {
		name, after, ok := strings.Cut(rest, "=")
		oid, known := attributeOID(strings.TrimSpace(name))
		if !ok || !known || len(subject) == maxAttributes {
			return nil, errSubject
		}
		value, more, ok := cutValue(after)
		if !ok {
			return nil, errSubject
		}
		subject = append(subject, Attribute{oid, value})
		if more == "" {
			return subject, nil
		}
		rest = more[1:] // without the comma
	}
}

// cutValue returns the value that s begins with, and the rest: nothing, or what
// begins with the comma (or plus) after it.
func cutValue(s string) (value, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	if strings.HasPrefix(s, `"`) {
		value, rest, ok = cutQuoted(s[1:])
	} else {
		end := len(s)
		if i := strings.IndexAny(s, ",+"); i >= 0 {
			end = i
		}
		value, rest = strings.TrimRight(s[:end], " "), s[end:]
		ok = !strings.ContainsAny(value, reserved)
	}
	return value, rest, ok && value != "" && (rest == "" || rest[0] == ',' || rest[0] == '+')
}

// cutQuoted returns what is before the closing quote, in which two quotes stand for
// one, and what follows it.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `"`)
		if !found {
			return "", "", false
		}
		b.WriteString(before)
		if !strings.HasPrefix(after, `"`) {
			return b.String(), strings.TrimLeft(after, " "), true
		}
		b.WriteByte('"')
		s = after[1:]
	}
}
