package tms

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// mostValues bounds the values that are read of one body.
const mostValues = 16

// Values returns the objects and arrays of JSON in body, in their order, and skips all
// other text. A body that is one value is returned whole. An incomplete one ends the
// search: its inside is no answer.
func Values(body []byte) (all []json.RawMessage) {
	if json.Valid(body) {
		return []json.RawMessage{body}
	}
	for range mostValues {
		start := bytes.IndexAny(body, "{[")
		if start < 0 {
			break
		}
		body = body[start:]
		var value json.RawMessage
		d := json.NewDecoder(bytes.NewReader(body))
		if d.Decode(&value) != nil {
			break
		}
		all = append(all, value)
		body = body[d.InputOffset():]
	}
	return all
}

// Loose returns the value of the member called name in a text that is not JSON: an
// incomplete one, one with a comma too many, or a form. It is "" if there is no whole
// value, if several differ, or if the text is markup.
func Loose(body []byte, name string) string {
	body = bytes.TrimSpace(body)
	if bytes.HasPrefix(body, []byte("<")) {
		return ""
	}
	if !bytes.ContainsAny(body, "{[") { // the last value of a form has no end
		body = append(bytes.Clone(body), '\n')
	}
	words := strings.Split(name, "_")
	member := regexp.MustCompile(`(?i)^` + strings.Join(words, `[_. -]?`) + `["']?\s*[:=]\s*(?:("(?:[^"\\]|\\.)*")|'([^'\\]*)'|([^\s"'<>&,;{}\[\]\\]+)[\s&,;}\]])`)
	value := ""
	for _, at := range places(body, words[0]) {
		m := member.FindSubmatch(body[at:])
		if m == nil {
			continue
		}
		is := string(m[2]) + string(m[3])
		if m[1] != nil && json.Unmarshal(m[1], &is) != nil {
			is = string(bytes.Trim(m[1], `"`))
		}
		if is != "" && value != "" && is != value {
			return ""
		}
		if is != "" {
			value = is
		}
	}
	return value
}

// places returns where word begins in body, in any case, and no other word goes on with
// it. A body is long, and a regular expression that looks for it is slow.
func places(body []byte, word string) (at []int) {
	low := bytes.Clone(body)
	for i, c := range low {
		low[i] = lower(c)
	}
	for from := 0; ; {
		i := bytes.Index(low[from:], []byte(word))
		if i < 0 {
			return at
		}
		if i += from; i == 0 || !bytes.ContainsAny(low[i-1:i], `abcdefghijklmnopqrstuvwxyz0123456789_.-\`) {
			at = append(at, i)
		}
		from = i + len(word)
	}
}

// whole returns the first of the values of body, or body itself if it has none.
func whole(body []byte) []byte {
	if values := Values(body); len(values) > 0 {
		return values[0]
	}
	return body
}

// inText returns the object or array that raw is. It may be one in a text: "{\"id\":1}".
func inText(raw json.RawMessage) json.RawMessage {
	var text string
	if !bytes.HasPrefix(raw, []byte(`"`)) || !bytes.ContainsAny(raw, "{[") || json.Unmarshal(raw, &text) != nil {
		return raw
	}
	if inner := bytes.TrimSpace([]byte(text)); bytes.HasPrefix(inner, []byte("{")) || bytes.HasPrefix(inner, []byte("[")) {
		if json.Valid(inner) {
			return inner
		}
	}
	return raw
}

// Leaf is a string, a number, true, false or null.
type Leaf struct {
	Name string // of the innermost member in which it stands; "" for none
	Text string // a string itself; of the others their JSON
}

// Leaves returns all leaves of body in their order, at any depth; none if it is no
// JSON. Of members with one name each one counts.
func Leaves(body []byte) (all []Leaf) {
	if !json.Valid(body) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	leaves(d, "", &all)
	return all
}

// leaves reads one value of d, which stands in the member called name.
func leaves(d *json.Decoder, name string, all *[]Leaf) {
	t, err := d.Token()
	switch v := t.(type) {
	case json.Delim:
		for err == nil && d.More() {
			member := name
			if v == '{' {
				t, err = d.Token()
				member, _ = t.(string)
			}
			leaves(d, member, all)
		}
		_, _ = d.Token() // its end
	case nil:
		*all = append(*all, Leaf{name, "null"})
	default:
		*all = append(*all, Leaf{name, fmt.Sprint(v)})
	}
}
