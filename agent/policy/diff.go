package policy

import (
	"maps"
	"slices"
)

// Changes are the keys whose effective values differ between two settings, in
// the order of the table and of the applications' ids.
type Changes struct {
	Reload  []string // a reload applies them
	Restart []string // they wait for a restart of the daemon
}

// Diff compares two settings. An application that came or went is one key,
// "applications.cad". A rule that only moved to another line is no change.
func Diff(old, now Settings) Changes {
	var c Changes
	for _, d := range Table() {
		switch {
		case d.Type == Applications:
			c.applications(d, byID(old), byID(now))
		case d.isSettingsKey():
			c.compare(d, d.Key, &old, &now)
		}
	}
	return c
}

func (c *Changes) applications(list Definition, old, now map[string]Application) {
	all := maps.Clone(old)
	maps.Copy(all, now)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		before, was := old[id]
		after, is := now[id]
		if was != is {
			c.add(list, "applications."+id)
			continue
		}
		for _, d := range applicationFields() {
			c.compare(d, applicationKey(id, d.Name()), &before, &after)
		}
	}
}

func (c *Changes) compare(d Definition, key string, old, now any) {
	if writeYAML(d.field.get(old)) != writeYAML(d.field.get(now)) {
		c.add(d, key)
	}
}

func (c *Changes) add(d Definition, key string) {
	if d.Reloadable {
		c.Reload = append(c.Reload, key)
		return
	}
	c.Restart = append(c.Restart, key)
}

func byID(s Settings) map[string]Application {
	m := map[string]Application{}
	for _, a := range s.Applications {
		m[a.ID] = a
	}
	return m
}
