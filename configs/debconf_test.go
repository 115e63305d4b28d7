package main

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regent/agent/policy"
)

const (
	debconfTemplates    = "../packaging/deb/templates"
	debconfTranslations = "../packaging/deb/po/*.po"
)

// setupQuestions are about one application. The package writes the answers into the file of
// regent setup.
var setupQuestions = []string{"regent/application", "regent/instances", "regent/users"}

// debconfKeys returns the keys that the Debian package asks for.
func debconfKeys(t *testing.T) []string {
	names := map[string]string{}
	for _, d := range policy.Table() {
		names["regent/"+strings.NewReplacer("_", "-", ".", "-").Replace(d.Key)] = d.Key
	}
	var keys []string
	for _, m := range regexp.MustCompile(`(?m)^Template: (.*)\nType: string$`).FindAllStringSubmatch(string(read(t, debconfTemplates)), -1) {
		if !slices.Contains(setupQuestions, m[1]) {
			keys = append(keys, names[m[1]])
		}
	}
	return keys
}

// TestDebconfIsTranslated: each text of a question has its translation in each
// language, and no translation is of a text that is gone.
func TestDebconfIsTranslated(t *testing.T) {
	files, err := filepath.Glob(debconfTranslations)
	if err != nil || len(files) == 0 {
		t.Fatalf("got %q, %v, want a file for each language", files, err)
	}
	want := slices.Sorted(slices.Values(debconfTexts(t)))
	if len(want) < 6 {
		t.Fatalf("got %d texts to translate", len(want))
	}
	for _, name := range files {
		translated := translations(t, name)
		delete(translated, "") // the header
		if got := slices.Sorted(maps.Keys(translated)); !slices.Equal(got, want) {
			t.Errorf("%s translates\n%s\nwant\n%s\nRun: debconf-updatepo --podir=packaging/deb/po", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for id, text := range translated {
			if text == "" || text == id {
				t.Errorf("%s: there is no translation of %q", name, id)
			}
			if strings.HasSuffix(id, ":") != strings.HasSuffix(text, ":") {
				t.Errorf("%s: %q and %q do not end alike", name, id, text)
			}
			for _, kept := range regexp.MustCompile(`/etc/\S+[a-z]|https?://|demo-host\.com|0600|regent register|regent setup`).FindAllString(id, -1) {
				if !strings.Contains(text, kept) {
					t.Errorf("%s: %q lacks %q", name, text, kept)
				}
			}
		}
	}
}

// debconfTexts returns the paragraphs of the templates that are to be translated.
func debconfTexts(t *testing.T) []string {
	var texts []string
	for _, m := range regexp.MustCompile(`(?m)^_Description: (.*)\n((?: .*\n)*)`).FindAllStringSubmatch(string(read(t, debconfTemplates)), -1) {
		texts = append(texts, m[1])
		for paragraph := range strings.SplitSeq(m[2], "\n .\n") {
			texts = append(texts, strings.Join(strings.Fields(paragraph), " "))
		}
	}
	return texts
}

// translations reads a po file: the translation of each text, "" if it is uncertain.
func translations(t *testing.T, name string) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for entry := range strings.SplitSeq(string(read(t, name)), "\n\n") {
		if strings.Contains(entry, "#~") {
			t.Errorf("%s has a text that is gone: %s", name, entry)
			continue
		}
		var parts [2]string // msgid, msgstr
		at := 0
		for line := range strings.Lines(entry) {
			if strings.HasPrefix(line, "msgstr ") {
				at = 1
			}
			_, quoted, ok := strings.Cut(line, `"`)
			if !ok || strings.HasPrefix(line, "#") {
				continue
			}
			text, err := strconv.Unquote(`"` + strings.TrimSpace(quoted))
			if err != nil {
				t.Fatalf("%s: %q: %v", name, line, err)
			}
			parts[at] += text
		}
		if strings.Contains(entry, ", fuzzy") {
			parts[1] = ""
		}
		texts[parts[0]] = parts[1]
	}
	return texts
}
