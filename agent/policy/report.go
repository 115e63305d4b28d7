package policy

import "strings"

// Row accounts for one key: what is in force, who said so, and what that hides.
type Row struct {
	Definition
	Provenance
	Default  string    // the value where nothing is set; as YAML
	Problems []Problem // what was set aside or warned of about this key
}

// Rows returns a row for each key that has a value, in the table's order, and
// the problems that belong to none of them: those of a whole layer, and those of
// keys that do not exist.
func (res Resolved) Rows(problems []Problem) (rows []Row, other []Problem) {
	at := map[string]int{}
	for i, d := range keysOf(res.ids...) {
		at[d.Key] = i
		rows = append(rows, Row{Definition: d, Provenance: res.provenance(d), Default: writeYAML(d.Default)})
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

// owner returns the key that a problem's path is in: "applications.cad.allow" of
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
