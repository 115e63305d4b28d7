package authz

import (
	"errors"
	"regexp"
	"strings"
)

const (
	organization = "2.5.4.10"
	commonName   = "2.5.4.3"

	maxAttributes = 32
)

// attributeTypes are the names of Windows for parts of a subject. A part without a name is
// written OID.1.2.3.
var attributeTypes = [...]struct{ name, oid string }{
	{"CN", commonName},
	{"SN", "2.5.4.4"},
	{"SERIALNUMBER", "2.5.4.5"},
	{"C", "2.5.4.6"},
	{"L", "2.5.4.7"},
	{"S", "2.5.4.8"},
	{"ST", "2.5.4.8"}, // in other programs
	{"STREET", "2.5.4.9"},
	{"O", organization},
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

// reserved are the characters that need a value in quotes.
const reserved = ",+=\"\n<>#;"

var errSubject = errors.New("is not a subject of a certificate")

// attribute matches the first attribute of a subject: its name, its value with or without
// quotes, and the separator. In a quoted value, two quotes mean one.
var attribute = regexp.MustCompile(`^([^=]*)= *(?:"((?:[^"]|"")*)"|([^,+="\n<>#;]*?)) *([,+]|$)`)

// parseSubject parses parts of a subject in the form of [subjectText].
func parseSubject(s string) ([]Attribute, error) {
	var subject []Attribute
	for rest := s; ; {
		m := attribute.FindStringSubmatch(rest)
		if m == nil || len(subject) == maxAttributes {
			return nil, errSubject
		}
		oid, known := attributeOID(strings.TrimSpace(m[1]))
		value := strings.ReplaceAll(m[2], `""`, `"`) + m[3]
		if !known || value == "" {
			return nil, errSubject
		}
		subject = append(subject, Attribute{oid, value})
		if m[4] == "" {
			return subject, nil
		}
		rest = rest[len(m[0]):]
	}
}
