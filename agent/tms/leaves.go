package tms

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Leaf is a value that holds no others: a string, a number, true, false or null.
type Leaf struct {
	Name string // of the innermost member in which it stands; "" for none
	Text string // a string itself; of the others their JSON
}

// Leaves returns all leaves of body in their order, at any depth; none if it is no
// JSON. Of members with one name each one counts.
func Leaves(body []byte) (all []Leaf) {
	if !json.Valid(body) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	leaves(d, "", &all)
	return all
}

// leaves reads one value of d, which stands in the member called name.
func leaves(d *json.Decoder, name string, all *[]Leaf) {
	t, err := d.Token()
	switch v := t.(type) {
	case json.Delim:
		for err == nil && d.More() {
			member := name
			if v == '{' {
				t, err = d.Token()
				member, _ = t.(string)
			}
			leaves(d, member, all)
		}
		_, _ = d.Token() // its end
	case nil:
		*all = append(*all, Leaf{name, "null"})
	default:
		*all = append(*all, Leaf{name, fmt.Sprint(v)})
	}
}
