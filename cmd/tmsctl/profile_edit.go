package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gopkg.in/yaml.v3"

	"regent/platform/files"
)

// editProfiles changes the file of profiles, whole or not at all. It keeps comments, the
// order and the mode of the file. A new file is for its owner alone.
func (t *tool) editProfiles(edit func(top *yaml.Node) error) (file string, err error) {
	file, err = t.profilesFile()
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(file); err == nil {
		file = resolved
	}
	mode := fs.FileMode(0o600)
	content, err := os.ReadFile(file) //nolint:gosec // the person's own file
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return file, err
		}
	case err != nil:
		return file, err
	default:
		info, err := os.Stat(file)
		if err != nil {
			return file, err
		}
		mode = info.Mode().Perm()
	}
	if content, err = editedProfiles(content, edit); err != nil {
		return file, err
	}
	return file, files.Write(file, content, mode)
}

// editedProfiles returns the content of the file after an edit of its mapping.
func editedProfiles(content []byte, edit func(top *yaml.Node) error) ([]byte, error) {
	if _, err := parseProfiles(content); err != nil {
		return nil, err
	}
	var root yaml.Node
	if err := yaml.Unmarshal(content, &root); err != nil {
		return nil, err
	}
	if len(root.Content) != 1 || root.Content[0].Kind != yaml.MappingNode { // empty, or only a comment
		root = yaml.Node{Kind: yaml.DocumentNode, HeadComment: root.HeadComment, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	if err := edit(root.Content[0]); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	err := errors.Join(e.Encode(&root), e.Close())
	if err == nil {
		_, err = parseProfiles(b.Bytes())
	}
	return b.Bytes(), err
}

// errProfileForm means that a person wrote the profiles in an unusual form.
var errProfileForm = errors.New("tmsctl cannot edit this form of the profile; edit the file yourself")

// setRequestForm returns an edit that gives the profile this key request.
func setRequestForm(name, form string) func(*yaml.Node) error {
	return func(top *yaml.Node) error {
		profile := valueOf(valueOf(top, "profiles"), name)
		if profile == nil || profile.Kind != yaml.MappingNode {
			return errProfileForm
		}
		setText(profile, "request", form)
		return nil
	}
}

// setDefault names the default profile. With "" there is none.
func setDefault(top *yaml.Node, name string) {
	if name == "" {
		removeKey(top, "default")
		return
	}
	setText(top, "default", name)
}

// setProfile adds a profile, or replaces it.
func setProfile(top *yaml.Node, name string, p profile) error {
	var value yaml.Node
	if err := value.Encode(p); err != nil {
		return err
	}
	all := valueOf(top, "profiles")
	if all == nil || all.Tag == "!!null" {
		removeKey(top, "profiles")
		all = &yaml.Node{Kind: yaml.MappingNode}
		top.Content = append(top.Content, textNode("profiles"), all)
	}
	if all.Kind != yaml.MappingNode {
		return errProfileForm
	}
	all.Style = 0 // one line for each
	if old := valueOf(all, name); old != nil {
		*old = value
		return nil
	}
	all.Content = append(all.Content, textNode(name), &value)
	return nil
}

// removeProfile removes a profile.
func removeProfile(top *yaml.Node, name string) error {
	if !removeKey(valueOf(top, "profiles"), name) {
		return errProfileForm
	}
	if d := valueOf(top, "default"); d != nil && d.Value == name {
		setDefault(top, "")
	}
	return nil
}

func textNode(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

func setText(n *yaml.Node, key, text string) {
	if value := valueOf(n, key); value != nil {
		value.SetString(text)
		return
	}
	n.Content = append(n.Content, textNode(key), textNode(text))
}

// removeKey reports whether the mapping had the key.
func removeKey(n *yaml.Node, key string) bool {
	if n == nil || n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content = slices.Delete(n.Content, i, i+2)
			return true
		}
	}
	return false
}

// valueOf is the value of a key of a mapping, nil if there is none.
func valueOf(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
