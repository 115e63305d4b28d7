package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxDepth is the maximum nesting. It is below the limit of yaml.v3 and above the need of
// every key.
const maxDepth = 16

// flaw is a problem without its layer.
type flaw struct {
	line int
	text string
}

// parse returns the layer's top mapping, or nil if the layer sets nothing.
func parse(data []byte) (*yaml.Node, []flaw) {
	root, flaws := document(data)
	switch {
	case root == nil || isNull(root):
		return nil, flaws
	case root.Kind != yaml.MappingNode:
		return nil, []flaw{{root.Line, "the file is not a list of settings; write lines such as tenant: https://demo-host.com/"}}
	}
	return root, nil
}

// document returns the root of the only document in data, or nil if data is empty. It
// refuses a second document, anchors, aliases, merge keys, tags and deep nesting.
func document(data []byte) (*yaml.Node, []flaw) {
	if text := encodingFlaw(data); text != "" {
		return nil, []flaw{{0, text}}
	}
	var first, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&first)
	if errors.Is(err, io.EOF) {
		return nil, nil // nothing, or only comments
	}
	if err == nil {
		err = dec.Decode(&second)
	}
	switch {
	case err == nil:
		return nil, []flaw{{second.Line, "a second document begins here; write one document and no --- line"}}
	case !errors.Is(err, io.EOF):
		return nil, []flaw{syntaxFlaw(err)}
	}
	if flaws := disallowedYAML(first.Content[0], 0); len(flaws) > 0 {
		return nil, flaws
	}
	return first.Content[0], nil
}

// encodingFlaw returns the problem of data that is not UTF-8. A parser's own message about
// an encoding helps nobody.
func encodingFlaw(data []byte) string {
	const save = "; save it as UTF-8 without a byte order mark"
	switch {
	case len(data) > MaxLayer:
		return fmt.Sprintf("the file is larger than %d bytes (1 MiB); split it", MaxLayer)
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return "the file begins with a byte order mark" + save
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")),
		bytes.IndexByte(data[:min(len(data), 4)], 0) >= 0:
		return "the file is UTF-16 or UTF-32" + save
	case !utf8.Valid(data):
		return "the file is not UTF-8" + save
	}
	return ""
}

// syntaxFlaw converts an error of yaml.v3. Its text is "yaml: line N: reason" or
// "yaml: reason". One of them quotes the file.
func syntaxFlaw(err error) flaw {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, what, found := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil && found {
			line, text = n, what
		}
	}
	if strings.HasPrefix(text, "unknown anchor") {
		text = "an alias (*name) is not allowed; quote the value if it begins with *"
	}
	return flaw{line, "not YAML: " + text + "; check this line and the lines around it"}
}

// members yields the keys of a mapping and their values.
func members(n *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for i := 0; i < len(n.Content) && yield(n.Content[i], n.Content[i+1]); i += 2 {
		}
	}
}

// disallowedYAML reports valid YAML that is not allowed in a configuration.
func disallowedYAML(n *yaml.Node, depth int) []flaw {
	var text string
	switch {
	case depth > maxDepth:
		return []flaw{{n.Line, fmt.Sprintf("nested deeper than %d levels; correct the indentation or the brackets", maxDepth)}}
	case n.Kind == yaml.AliasNode:
		text = "an alias (*name) is not allowed; write the value out"
	case n.Anchor != "":
		text = "an anchor (&name) is not allowed; write the value out, or quote it if it begins with &"
	case n.Tag == "!!merge":
		text = "a merge key (<<) is not allowed; write the keys out"
	case n.Style&yaml.TaggedStyle != 0:
		text = "a tag (!name) is not allowed; remove it, or quote the value if it begins with !"
	}
	if text != "" {
		return []flaw{{n.Line, text}}
	}
	var flaws []flaw
	for _, c := range n.Content {
		flaws = append(flaws, disallowedYAML(c, depth+1)...)
	}
	return flaws
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Unreadable returns the reason if nothing of a file can be read: it is empty, in another
// encoding, or not YAML. It returns nil if only single values are invalid.
func (l Layer) Unreadable() error {
	switch _, flaws := parse(l.Data); {
	case l.Values != nil:
		return nil
	case len(bytes.TrimSpace(l.Data)) == 0:
		return errors.New("is empty")
	case len(flaws) > 0:
		return errors.New(flaws[0].text)
	}
	return nil
}
