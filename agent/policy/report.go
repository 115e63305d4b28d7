package policy

import "strings"

// Row is the report of one key: its effective value, the origin, and the hidden values.
type Row struct {
	Definition
	Provenance
	Default  string    // the value if no layer sets one; as YAML
	Problems []Problem // the ignored values and the warnings of this key
}

// Rows returns a row for each key that has a value, in the table's order. other has the
// remaining problems: those of a whole layer and those of unknown keys.
func (res Resolved) Rows(problems []Problem) (rows []Row, other []Problem) {
	at := map[string]int{}
	for i, d := range keysOf(res.ids...) {
		at[d.Key] = i
		rows = append(rows, Row{Definition: d, Provenance: res.provenance(d), Default: WriteYAML(d.Default)})
	}
	for _, p := range problems {
		i, found := at[owner(p.Key, at)]
		if !found {
			other = append(other, p)
			continue
		}
		rows[i].Problems = append(rows[i].Problems, p)
	}
	return rows, other
}

// owner returns the key that contains a problem's path: "applications.cad.allow" for
// "applications.cad.allow[0].users[1]".
func owner(path string, keys map[string]int) string {
	for path != "" {
		if _, ok := keys[path]; ok {
			return path
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return ""
		}
		path = path[:cut]
	}
	return ""
}
