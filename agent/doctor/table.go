package doctor

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"strings"
	"sync"
)

// codesFile has the texts of every code, in the order of the documentation. It also has
// shared sentences: {NAME} in a text is replaced by one.
//
//go:embed codes.json
var codesFile []byte

// Table returns all codes, in the order of the documentation. Callers must not change it.
var Table = sync.OnceValue(func() []Entry {
	var file struct {
		Sentences map[string]string
		Codes     []Entry
	}
	d := json.NewDecoder(bytes.NewReader(codesFile))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		panic("[unexpected] codes.json: " + err.Error())
	}
	var pairs []string
	for name, sentence := range file.Sentences {
		pairs = append(pairs, "{"+name+"}", sentence)
	}
	shared := strings.NewReplacer(pairs...)
	for i := range file.Codes {
		e := &file.Codes[i]
		for _, text := range []*string{&e.User, &e.Administrator, &e.Contact, &e.OnWindows} {
			*text = shared.Replace(*text)
		}
	}
	return file.Codes
})
