package exchangetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Values are what the placeholders of an exchange stand for.
type Values map[string]string

var placeholder = regexp.MustCompile(`\{\{([a-z_]+)\}\}`)

// Fill replaces the placeholders of text. One without a value becomes a value
// of its own, which is kept.
func (v Values) Fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(p string) string {
		name := p[2 : len(p)-2]
		if _, ok := v[name]; !ok {
			v[name] = "some-" + name
		}
		return v[name]
	})
}

// differences says how a request differs from the exchange's. It learns the
// values of placeholders that it meets for the first time.
func (x Exchange) differences(r *http.Request, body string, v Values) []string {
	var d []string
	note := func(format string, args ...any) { d = append(d, x.Name+": "+fmt.Sprintf(format, args...)) }
	if r.Method != x.Method {
		note("method %s, want %s", r.Method, x.Method)
	}
	if !v.match(x.Target.Path, r.URL.Path) {
		note("path %s, want %s", r.URL.Path, x.Target.Path)
	}
	if !v.matchForm(x.Target.Query(), r.URL.Query()) {
		note("query %s, want %s", r.URL.RawQuery, x.Target.RawQuery)
	}
	for _, name := range []string{"Authorization", "Content-Type", "Accept", "Idempotency-Key"} {
		if got, want := r.Header.Get(name), x.Header.Get(name); !v.match(want, got) {
			note("%s %q, want %q", name, got, want)
		}
	}
	if x.Body+body != "" && !v.matchBody(x.Header.Get("Content-Type"), x.Body, body) {
		note("body %s, want %s", body, x.Body)
	}
	return d
}

func (v Values) matchBody(contentType, want, got string) bool {
	switch contentType {
	case "application/json":
		var w, g any
		return json.Unmarshal([]byte(want), &w) == nil && json.Unmarshal([]byte(got), &g) == nil && v.matchJSON(w, g)
	case "application/x-www-form-urlencoded":
		w, wErr := url.ParseQuery(want)
		g, gErr := url.ParseQuery(got)
		return wErr == nil && gErr == nil && v.matchForm(w, g)
	}
	return want == got
}

func (v Values) matchForm(want, got url.Values) bool {
	if len(want) != len(got) {
		return false
	}
	for name := range want {
		if len(got[name]) != 1 || !v.match(want.Get(name), got.Get(name)) {
			return false
		}
	}
	return true
}

func (v Values) matchJSON(want, got any) bool {
	switch w := want.(type) {
	case string:
		g, ok := got.(string)
		return ok && v.match(w, g)
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for name := range w {
			if !v.matchJSON(w[name], g[name]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !v.matchJSON(w[i], g[i]) {
				return false
			}
		}
		return true
	}
	return want == got
}

// match holds one string against a pattern.
func (v Values) match(pattern, got string) bool {
	var names []string
	for _, found := range placeholder.FindAllStringSubmatch(pattern, -1) {
		names = append(names, found[1])
	}
	parts := placeholder.Split(pattern, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	found := regexp.MustCompile("^" + strings.Join(parts, "(.+)") + "$").FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, name := range names {
		if known, ok := v[name]; ok && known != found[i+1] {
			return false
		}
		v[name] = found[i+1]
	}
	return true
}
