package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func textsOf(t *testing.T, language string) map[string]string {
	t.Helper()
	out, err := texts(language)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLanguages: each file of texts is a language that packages are built in.
func TestLanguages(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("texts", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, l := range languages {
		want = append(want, filepath.Join("texts", l.name+".json"))
	}
	slices.Sort(want)
	if !slices.Equal(files, want) {
		t.Errorf("got the files %q, want %q", files, want)
	}
}

// kept is what a translator leaves as it is.
var kept = regexp.MustCompile(`\[\w+\]|%\d|&|[<>]|"|https?://|demo-host\.com|REGISTRATIONTOKEN\w*|C:\\[\w\\.]+|/l\*v|msiexec|regent status|Windows( Server)?|\d+`)

// TestTextsAreComplete: each language has every text, with the same placeholders and
// shortcuts in it, and every text is in the package.
func TestTextsAreComplete(t *testing.T) {
	english := textsOf(t, "en")
	for _, l := range languages {
		b := example("amd64")
		b.Language = l.name
		d, err := newDatabase(b)
		if err != nil {
			t.Fatal(err)
		}
		d.fill()
		inUse, there := slices.Sorted(maps.Keys(d.said)), slices.Sorted(maps.Keys(textsOf(t, l.name)))
		if !slices.Equal(inUse, there) {
			t.Errorf("%s: the texts are %q, in use are %q", l.name, there, inUse)
		}
		for key, text := range textsOf(t, l.name) {
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s: %s is %q", l.name, key, text)
			}
			got, want := kept.FindAllString(text, -1), kept.FindAllString(english[key], -1)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: %s has %q, the English text has %q", l.name, key, got, want)
			}
		}
	}
}

// TestTranslationsChangeTextsAlone: in another language everything is done the same,
// but for the numbers of the language and of the product.
func TestTranslationsChangeTextsAlone(t *testing.T) {
	english := made(t, "amd64", "en")
	for _, l := range languages[1:] {
		translated := made(t, "amd64", l.name)
		if got, want := withoutTexts(translated), withoutTexts(english); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", l.name, got, want)
		}
		properties := cells(t, translated["Property"], "Value")
		if properties["ProductCode"] == cells(t, english["Property"], "Value")["ProductCode"] {
			t.Errorf("%s: the product has the code of the English one", l.name)
		}
		if got := cells(t, translated["_SummaryInformation"], "Value")["7"]; properties["ProductLanguage"] != l.number || got != "x64;"+l.number {
			t.Errorf("%s: the product's language is %s, the template %s", l.name, properties["ProductLanguage"], got)
		}
	}
}

// withoutTexts writes tables without what is for people.
func withoutTexts(tables map[string]Table) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		table := tables[name]
		masked := table
		masked.Rows = nil
		for _, row := range table.Rows {
			masked.Rows = append(masked.Rows, withoutText(table, row))
		}
		b.WriteString(masked.IDT())
	}
	return b.String()
}

func withoutText(table Table, row []string) []string {
	row = slices.Clone(row)
	for i, c := range table.Columns {
		switch key := row[0]; {
		case table.Name == "Property" && key != "ProductLanguage" && key != "ProductCode" && !strings.HasPrefix(key, "Problem"):
		case table.Name == "_SummaryInformation" && key != "7":
		case table.Name == "CustomAction" && key == "RefuseTwoTokens" && c.Name == "Target",
			slices.Contains([]string{"ActionText", "Control", "Dialog", "LaunchCondition", "Property", "RadioButton", "_SummaryInformation"}, table.Name) && c.Type[0]|0x20 == 'l':
			row[i] = "(text)"
		}
	}
	return row
}

// TestProblems: the script names each problem, and no other.
func TestProblems(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("script", answersScript))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b(?:problem\(|pathProblem\("\w+", |absentProblem\("\w+", )"(\w+)"`).FindAllStringSubmatch(string(script), -1) {
		used[m[1]] = true
	}
	if got, want := slices.Sorted(maps.Keys(used)), slices.Sorted(slices.Values(problems)); !slices.Equal(got, want) {
		t.Errorf("the script names %q, the tables have %q", got, want)
	}
}

// TestShortcuts: in no dialog has a letter two meanings.
func TestShortcuts(t *testing.T) {
	for _, l := range languages {
		tables := made(t, "amd64", l.name)
		seen := map[string]string{}
		use := func(dialog, control, text string) {
			_, after, ok := strings.Cut(text, "&")
			if !ok || dialog == errorDlg { // Windows Installer shows what it needs of that one
				return
			}
			letter := dialog + "/" + strings.ToLower(string([]rune(after)[0]))
			if seen[letter] != "" {
				t.Errorf("%s: %s is the shortcut of %s and of %s", l.name, letter, seen[letter], control)
			}
			seen[letter] = control
		}
		for _, row := range tables["Control"].Rows {
			if row[2] != "ScrollableText" {
				use(row[0], row[1], row[9])
			}
		}
		for _, row := range tables["RadioButton"].Rows {
			use(tokenDlg, row[2], row[7])
		}
	}
}
