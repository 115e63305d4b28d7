package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"regent/agent/authz"
	"regent/agent/policy"
)

// line is one line of a file that is good or bad by itself.
type line struct{ key, text string }

var (
	goodLines = []line{
		{"tenant", "tenant: a"},
		{"tenant", "tenant: https://b:8443/"},
		{"audit", "audit: required"},
		{"audit", "audit: best_effort"},
		{"log", "log: {level: debug}"},
		{"log", "log: {format: json, level: warn}"},
		{"limits", "limits: {redeem_splay: 5s}"},
		{"network", "network: {timeout: 10s, proxy: none}"},
		{"keep_registration_token", "keep_registration_token: true"},
	}
	goodItems = []line{
		{"cad", "- {id: cad, instances: 2}"},
		{"cad", "- {id: cad, allow: [{users: [alice]}]}"},
		{"cad", "- {id: cad, tenant: c, redeem: on_demand, allow: []}"},
		{"viewer", "- {id: viewer, allow: [{everyone: true}]}"},
	}
	// Each of these sets nothing but what is wrong, and does not touch what else
	// the file says.
	badLines = []line{
		{"tenent", "tenent: a"},
		{"metrics_textfile", "metrics_textfile: [1]"},
		{"registration_token", "registration_token: s3cret"},
		{"refresh", "refresh: {mode: 5, on_refresh_expired: later}"},
		{"store", "store: file"},
		{"registration_token_file", "registration_token_file: ../token"},
		{"? [a]", "? [a]\n: b"},
	}
	badItems = []line{
		{"1", "- {id: BAD}"},
		{"2", "- [cad]"},
		{"3", "- {instances: 2}"},
		{"4", "- "},
	}
	badFiles = []string{"\xef\xbb\xbfaudit: required", "\xff\xfea\x00", "audit: [", "a: &x 1\naudit: required", "- 1", "\xc3", "audit: required\n---\n{}"}
)

// pick draws some of the lines, at most one of each key.
func pick(t *rapid.T, label string, from []line) []string {
	var texts []string
	seen := map[string]bool{}
	for _, l := range rapid.SliceOfN(rapid.SampledFrom(from), 0, 4).Draw(t, label) {
		if !seen[l.key] {
			seen[l.key] = true
			texts = append(texts, l.text)
		}
	}
	return texts
}

func file(lines, items []string) string {
	text := strings.Join(lines, "\n") + "\n"
	if len(items) > 0 {
		text += "applications:\n" + strings.Join(items, "\n") + "\n"
	}
	return text
}

func drawLayers(t *rapid.T) []policy.Layer {
	n := rapid.IntRange(0, 4).Draw(t, "layers")
	layers := make([]policy.Layer, n)
	for i := range layers {
		rank := rapid.SampledFrom([]policy.Rank{policy.Local, policy.Dropin, policy.Managed}).Draw(t, "rank")
		text := file(pick(t, "lines", goodLines), pick(t, "items", goodItems))
		layers[i] = policy.Layer{Name: fmt.Sprintf("%d.yaml", i), Rank: rank, Data: []byte(text)}
	}
	return layers
}

// ignoreOrigins lets settings be compared whose files differ in their lines.
var ignoreOrigins = cmp.Options{
	cmpopts.IgnoreFields(policy.Application{}, "Origin", "InstancesOrigin"),
	cmpopts.IgnoreFields(authz.Rule{}, "Origin"),
	cmpopts.EquateEmpty(),
}

func TestResolveIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		once, problems := policy.Resolve(layers...)
		if err := policy.Fatal(problems); err != nil {
			t.Fatal(err)
		}
		again, _ := policy.Resolve(append(layers, layers...)...)
		if diff := cmp.Diff(again.Settings, once.Settings, ignoreOrigins); diff != "" {
			t.Fatalf("the same layers twice: -got +want\n%s", diff)
		}
		// What is effective, written out as one managed layer, changes nothing.
		effective := policy.Layer{Name: "effective", Rank: policy.Managed, Data: []byte(writeOut(once))}
		again, problems = policy.Resolve(append(layers, effective)...)
		if err := policy.Fatal(problems); err != nil {
			t.Fatalf("%v\n%s", err, effective.Data)
		}
		if diff := cmp.Diff(again.Settings, once.Settings, ignoreOrigins); diff != "" {
			t.Fatalf("its own result on top: -got +want\n%s\n%s", diff, effective.Data)
		}
	})
}

// writeOut writes a whole configuration by its provenance.
func writeOut(res policy.Resolved) string {
	sections := map[string][]string{}
	var order []string
	for _, key := range res.Keys() {
		p, _ := res.Provenance(key)
		section, name, nested := cutLast(key)
		if !nested {
			section, name = key, ""
		}
		if sections[section] == nil {
			order = append(order, section)
		}
		sections[section] = append(sections[section], strings.TrimPrefix(name+": "+p.Value, ": "))
	}
	var lines, items []string
	for _, section := range order {
		values := strings.Join(sections[section], ", ")
		switch {
		case strings.HasPrefix(section, "applications."):
			items = append(items, "- {"+values+"}")
		case strings.Contains(values, ": "):
			lines = append(lines, section+": {"+values+"}")
		default:
			lines = append(lines, section+": "+values)
		}
	}
	return file(lines, items)
}

func cutLast(key string) (before, after string, found bool) {
	i := strings.LastIndexByte(key, '.')
	if i < 0 {
		return key, "", false
	}
	return key[:i], key[i+1:], true
}

func TestLaterRankWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		res, _ := policy.Resolve(layers...)
		for _, key := range res.Keys() {
			p, _ := res.Provenance(key)
			above := p.Origin
			for _, hidden := range p.Hidden {
				if hidden.Origin.Rank > above.Rank || hidden.Origin.Rank == above.Rank && hidden.Origin.Name > above.Name {
					t.Fatalf("%s: %v hides %v", key, above, hidden.Origin)
				}
				above = hidden.Origin
			}
		}
		shuffled, _ := policy.Resolve(rapid.Permutation(layers).Draw(t, "permutation")...)
		if unique(layers) {
			if diff := cmp.Diff(shuffled.Settings, res.Settings, ignoreOrigins); diff != "" {
				t.Fatalf("one layer of each rank, in another order: -got +want\n%s", diff)
			}
		}
	})
}

func unique(layers []policy.Layer) bool {
	seen := map[policy.Rank]bool{}
	for _, l := range layers {
		if seen[l.Rank] {
			return false
		}
		seen[l.Rank] = true
	}
	return true
}

func TestInvalidPolicyIsIgnoredAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layers := drawLayers(t)
		good, before := policy.Resolve(layers...)

		// Bad lines beside the good ones of managed layers, and bad files.
		bad := make([]policy.Layer, 0, len(layers)+1)
		wrong := 0
		for _, l := range layers {
			if l.Rank == policy.Managed {
				lines, items := pick(t, "bad lines", badLines), pick(t, "bad items", badItems)
				wrong += len(lines) + len(items)
				l.Data = []byte(addLines(string(l.Data), lines, items))
			}
			bad = append(bad, l)
		}
		if rapid.Bool().Draw(t, "bad file") {
			text := rapid.SampledFrom(badFiles).Draw(t, "file")
			bad = append(bad, policy.Layer{Name: "bad.yaml", Rank: policy.Managed, Data: []byte(text)})
			wrong++
		}

		got, after := policy.Resolve(bad...)
		if diff := cmp.Diff(got.Settings, good.Settings, ignoreOrigins); diff != "" {
			t.Fatalf("-with bad policy +without\n%s", diff)
		}
		if len(after) < len(before)+wrong {
			t.Fatalf("%d bad things in policy, but only %d problems: %v", wrong, len(after)-len(before), texts(after))
		}
		for _, p := range after {
			if p.Fatal || strings.Contains(p.Error(), "s3cret") {
				t.Fatalf("%v: fatal, or it repeats a value", p)
			}
		}
	})
}

// addLines adds bad lines and items to the text of a good file.
func addLines(text string, lines, items []string) string {
	if len(items) > 0 {
		if !strings.Contains(text, "applications:") {
			text += "applications:\n"
		}
		text += strings.Join(items, "\n") + "\n"
	}
	return strings.Join(lines, "\n") + "\n" + text
}
