package usage

import (
	"strings"
	"testing"
)

// TestMeanings: each kind has one meaning in whole sentences, and a next step.
func TestMeanings(t *testing.T) {
	seen := map[Kind]bool{}
	for _, m := range Meanings() {
		if seen[m.Kind] {
			t.Errorf("%s has two meanings", m.Kind)
		}
		seen[m.Kind] = true
		for _, text := range []string{m.Text, m.Next} {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("%s: %q is no whole sentence", m.Kind, text)
			}
		}
		if (m.Command+m.OnDevice == "") != (m.Kind == Expected) {
			t.Errorf("%s: commands %q, %q", m.Kind, m.OnDevice, m.Command)
		}
	}
	for _, k := range []Kind{
		UnexpectedHost, Orphan, UnexpectedUser, Uncertain, Clone, Duplicate, NotInLedger, MissingAtService, NoCountUsed, Expected, Unknown,
	} {
		if !seen[k] {
			t.Errorf("%s has no meaning", k)
		}
	}
}
