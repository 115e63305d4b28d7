package audit

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// appendTo appends the line as JSON, as encoding/json would write it but for
// characters that it escapes for browsers. Every hand-out pays for this.
func (l *line) appendTo(b []byte) []byte {
	b = append(b, `{"at":"`...)
	b = l.At.AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendField(b, "event", l.Event)
	b = appendField(b, "action", l.Action)
	b = appendField(b, "instance", l.Instance)
	b = appendField(b, "tenant", l.Tenant)
	b = appendField(b, "uid", l.UID)
	b = appendField(b, "user", l.User)
	if l.PID != 0 {
		b = strconv.AppendInt(append(b, `,"pid":`...), int64(l.PID), 10)
	}
	b = appendField(b, "exe", l.Exe)
	b = appendField(b, "unit", l.Unit)
	if l.Weak {
		b = append(b, `,"weak":true`...)
	}
	if l.Allow != nil {
		b = strconv.AppendBool(append(b, `,"allow":`...), *l.Allow)
	}
	b = appendField(b, "rule", l.Rule)
	b = appendField(b, "reason", l.Reason)
	b = appendField(b, "from", l.From)
	b = appendField(b, "to", l.To)
	b = appendField(b, "outcome", string(l.Outcome))
	if l.Times != 0 {
		b = strconv.AppendInt(append(b, `,"times":`...), int64(l.Times), 10)
	}
	if !l.Since.IsZero() {
		b = l.Since.AppendFormat(append(b, `,"since":"`...), time.RFC3339Nano)
		b = append(b, '"')
	}
	return append(b, '}', '\n')
}

// appendField leaves an empty field out.
func appendField(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	if isPlain(value) {
		b = append(b, '"')
		b = append(b, value...)
		return append(b, '"')
	}
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return append(b, `""`...) // [unexpected] every string has a form
	}
	return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
}

// isPlain reports whether s is its own form in JSON.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
