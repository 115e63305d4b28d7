package policy

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"regent/agent/authz"
)

func TestTable(t *testing.T) {
	seen, names := map[string]bool{}, map[string]bool{}
	for _, d := range Table() {
		if seen[d.Key] {
			t.Errorf("%s is in the table twice", d.Key)
		}
		seen[d.Key] = true
		if d.Title == "" || len(d.Title) > 50 || strings.HasSuffix(d.Title, ".") {
			t.Errorf("%s: want a title of a few words, got %q", d.Key, d.Title)
		}
		if d.Doc == "" || d.Since == "" || !strings.HasSuffix(d.Doc, ".") {
			t.Errorf("%s: want a documentation in sentences, and a version", d.Key)
		}
		if (d.Type == Word) != (len(d.Words) > 0) {
			t.Errorf("%s: type %q with words %v", d.Key, d.Type, d.Words)
		}
		if bounded := d.Type == Int || d.Type == Duration; bounded != (d.Max > d.Min) {
			t.Errorf("%s: type %q with bounds %d to %d", d.Key, d.Type, d.Min, d.Max)
		}
		if d.isAgentKey() != d.IsPolicy() && d.Type != Applications {
			t.Errorf("%s: want a policy of its own for every key that is in no list", d.Key)
		}
		name := strings.ToLower(d.PolicyName())
		if names[name] {
			t.Errorf("%s: a second policy is named %s", d.Key, d.PolicyName())
		}
		names[name] = true
	}
}

// TestDefaultsAndExamplesAreValid decodes what the default file shows.
func TestDefaultsAndExamplesAreValid(t *testing.T) {
	for _, d := range Table() {
		shown := []string{d.Example}
		if d.Default != nil {
			shown = append(shown, WriteYAML(d.Default))
		}
		for _, text := range shown {
			if text == "" {
				continue
			}
			var n yaml.Node
			if err := yaml.Unmarshal([]byte(text), &n); err != nil {
				t.Errorf("%s: %q is not YAML: %v", d.Key, text, err)
				continue
			}
			r := &reader{}
			if _, ok := r.value(at(d.Key), d.Key, n.Content[0]); !ok {
				t.Errorf("%s: %q is not accepted: %v", d.Key, text, r.problems)
			}
		}
	}
}

// TestPatternsMatchChecks tries each pattern on what its check accepts
// of a few handfuls of texts, and on what it must refuse.
func TestPatternsMatchChecks(t *testing.T) {
	texts := []string{
		"", "a", "cad-2", "system", "none", "demo-host.com", "https://demo-host.com/", "HTTP://127.0.0.1:8080", "https://[::1]:8443",
		"http://proxy:3128/", "SOCKS5://p:1", "/etc/a", "/a", `C:\ProgramData\Regent\a`, "C:/a b/c", "alice", "DOMAIN\\alice b", "S-1-5-18",
		"cad.service", "cad@1.service", "/a.prom", "/.prom", `C:\a.prom`, "C:.prom", strings.Repeat("aB", 32), strings.Repeat("a", 64), "ftp://x", "//a", "/a/", "..", " a", "a b.c", "A", "-a",
	}
	refused := map[string]int{}
	for _, d := range Table() {
		if d.Pattern == "" {
			continue
		}
		re := regexp.MustCompile(d.Pattern)
		for _, text := range texts {
			_, err := d.Check(text)
			if err == nil && !re.MatchString(text) {
				t.Errorf("%s takes %q, but its pattern %s does not", d.Key, text, d.Pattern)
			}
			if !re.MatchString(text) {
				refused[d.Key]++
			}
		}
		if refused[d.Key] == 0 {
			t.Errorf("%s: the pattern refuses nothing", d.Key)
		}
	}
}

func TestPolicyName(t *testing.T) {
	for key, want := range map[string]string{
		"tenant": "Tenant", "network.ca_file": "NetworkCAFile", "refresh.on_refresh_expired": "RefreshOnRefreshExpired", "applications": "Applications",
	} {
		if d := (Definition{Key: key}); d.PolicyName() != want {
			t.Errorf("%s: got %q, want %q", key, d.PolicyName(), want)
		}
	}
}

// TestEveryFieldHasItsKey sets each key's field and looks that this sets
// nothing else; then that no field is left without a key.
func TestEveryFieldHasItsKey(t *testing.T) {
	filled := map[string]any{} // by the key's list: a target with all its keys set
	for _, d := range Table() {
		if d.Type == Applications {
			continue
		}
		lone := newTarget(d.Key)
		d.field(lone).Set(reflect.ValueOf(sample(t, d)))
		if got := setKeys(reflect.ValueOf(lone).Elem()); got != 1 {
			t.Errorf("%s sets %d fields, want 1", d.Key, got)
		}
		list := reflect.TypeOf(lone).String()
		if filled[list] == nil {
			filled[list] = newTarget(d.Key)
		}
		d.field(filled[list]).Set(reflect.ValueOf(sample(t, d)))
	}
	if got, want := len(filled), 4; got != want {
		t.Errorf("got keys of %d types, want %d", got, want)
	}
	for name, target := range filled {
		for _, field := range unsetFields(reflect.ValueOf(target).Elem()) {
			if field != "Origin" && field != "InstancesOrigin" && field != "Applications" {
				t.Errorf("no key sets the field %s of %s", field, name)
			}
		}
	}
}

// at is the schema of a key.
func at(key string) *schema {
	s := tree
	for part := range strings.SplitSeq(key, ".") {
		s = s.children[part]
	}
	return s
}

func newTarget(key string) any {
	switch {
	case strings.Contains(key, ".executables.*."):
		return &authz.Executable{}
	case strings.Contains(key, ".allow.*."):
		return &authz.Rule{}
	case strings.HasPrefix(key, "applications."):
		return &Application{}
	}
	return &Settings{}
}

func setKeys(v reflect.Value) int {
	if v.Kind() != reflect.Struct {
		if v.IsZero() {
			return 0
		}
		return 1
	}
	n := 0
	for _, field := range v.Fields() {
		n += setKeys(field)
	}
	return n
}

// unsetFields names the fields that are zero, those of inner structs too.
func unsetFields(v reflect.Value) []string {
	var names []string
	for about, field := range v.Fields() {
		switch {
		case field.Kind() == reflect.Struct:
			names = append(names, unsetFields(field)...)
		case field.IsZero():
			names = append(names, about.Name)
		}
	}
	return names
}

func sample(t *testing.T, d Definition) any {
	switch d.Type {
	case Text, Path, Word:
		return "x"
	case Bool:
		return true
	case Int:
		return 7
	case Duration:
		return 7 * time.Second
	case Names:
		return []string{"x"}
	case Rules:
		return []authz.Rule{{Everyone: true}}
	case Executables:
		return []authz.Executable{{Path: "/x"}}
	case Applications:
	}
	t.Fatalf("%s: no sample of type %q", d.Key, d.Type)
	return nil
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Minute: "10m", time.Hour: "1h", 90 * time.Second: "1m30s",
		time.Hour + time.Second: "1h0m1s", 20 * time.Hour: "20h", 70 * time.Minute: "1h10m",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%v) = %q, want %q", d, got, want)
		}
	}
}
