package policy

import (
	"slices"
	"strings"
)

// Changes has the keys with different effective values in two settings. They are in the
// order of the table and of the applications' ids.
type Changes struct {
	Reload  []string // a reload applies them
	Restart []string // a restart of the daemon applies them
}

// Diff compares two settings. An application that was added or removed is one key,
// "applications.cad". A rule that only moved to another line is no change.
func Diff(old, now Settings) Changes {
	var c Changes
	before, after := old.texts(), now.texts()
	var ids []string
	for _, a := range slices.Concat(old.Applications, now.Applications) {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	for _, d := range keysOf(slices.Compact(ids)...) {
		key, was, is := d.Key, before[d.Key], after[d.Key]
		if was == is {
			continue
		}
		if was == "" || is == "" { // the application was added or removed
			id, ok := strings.CutSuffix(key, ".id")
			if !ok {
				continue
			}
			key = id
		}
		if d.Restart {
			c.Restart = append(c.Restart, key)
		} else {
			c.Reload = append(c.Reload, key)
		}
	}
	return c
}

// texts returns each value as YAML, by its key.
func (s *Settings) texts() map[string]string {
	all := map[string]string{}
	for _, d := range keysOf() {
		all[d.Key] = WriteYAML(d.field(s).Interface())
	}
	for _, a := range s.Applications {
		for _, d := range applicationKeys(a.ID) {
			all[d.Key] = WriteYAML(d.field(&a).Interface())
		}
	}
	return all
}
