package main

import (
	"embed"
	"encoding/json"
	"fmt"
)

// A language is one that packages are built in. A new one is a row here and a file
// in texts. Windows Installer's own words follow the number.
type language struct {
	name   string // of its file in texts, and at the end of the package's name
	number string // by which Windows knows it
}

// languages begins with the language that is not in its package's name.
var languages = []language{{"en", "1033"}, {"de", "1031"}}

// codePage is that of the texts, as Windows numbers it: Western European.
const codePage = "1252"

//go:embed texts/*.json
var textFiles embed.FS

// texts returns all that a person reads in that language, by its key.
func texts(name string) (map[string]string, error) {
	b, err := textFiles.ReadFile("texts/" + name + ".json")
	if err != nil {
		return nil, err
	}
	var t map[string]string
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("read the texts in %s: %w", name, err)
	}
	return t, nil
}

// find returns the language of that name.
func find(name string) (language, error) {
	for _, l := range languages {
		if l.name == name {
			return l, nil
		}
	}
	return language{}, fmt.Errorf("there are no texts in the language %q", name)
}

// say returns a text in the package's language.
func (d *database) say(key string) string {
	text, ok := d.texts[key]
	if !ok {
		panic("[unexpected] there is no text " + key)
	}
	d.said[key] = true
	return text
}
