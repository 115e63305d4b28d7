package stories

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"regent/agent/policy"
)

// TestDocuments checks what README.md and the guides say without running it: links and their
// anchors are there, blocks have a known language, programs, commands and flags exist, and
// YAML is a configuration. TestDocumentsRun says how commands and outputs stand in a document.
func TestDocuments(t *testing.T) {
	guides, faults := readGuides(t)
	c := &guideChecker{t: t, bin: programs(t), help: map[string]*commandHelp{}, faults: faults}
	for _, g := range guides {
		c.check(g)
	}
	for _, fault := range faults.all {
		t.Error(fault)
	}
	if c.configs == 0 {
		t.Error("no document has a configuration")
	}
}

type guideChecker struct {
	t       *testing.T
	bin     string
	help    map[string]*commandHelp // by the words of the command
	faults  *guideFaults
	configs int // how many it checked
}

func (c *guideChecker) check(g *guide) {
	maxLines := 300 // a longer guide is two
	if g.name == "README.md" {
		maxLines = 150
	}
	if len(g.prose) > maxLines+1 {
		c.faults.add(g, maxLines, "more than %d lines", maxLines)
	}
	c.checkLinks(g)
	c.checkInline(g)
	world := ""
	for _, b := range g.blocks {
		if name, marked := b.marks["world"]; marked {
			world = name
		}
		switch b.language {
		case "console":
			if world == "" {
				c.faults.add(g, b.line, "no world: write <!-- world: NAME --> before the first block")
			}
			c.checkCommands(g, &b)
		case "sh", "powershell":
			c.checkCommands(g, &b)
		case "yaml":
			c.checkYAML(g, &b)
		case "", "text", "json":
			if i := slices.IndexFunc(b.text, func(line string) bool { return strings.HasPrefix(line, "$ ") }); i >= 0 {
				c.faults.add(g, b.line+i, "a command stands in a block of the language %q, want console", b.language)
			}
		}
	}
}

var (
	guideLink     = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	guideCode     = regexp.MustCompile("`([^`]+)`")
	guideHeading  = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	dottedKey     = regexp.MustCompile(`^[a-z_]+\.[a-z_]+$`)
	anchorDropped = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// checkLinks checks each link that names no other host.
func (c *guideChecker) checkLinks(g *guide) {
	for i, line := range g.prose {
		for _, m := range guideLink.FindAllStringSubmatch(guideCode.ReplaceAllString(line, "code"), -1) {
			target, anchor, hasAnchor := strings.Cut(m[1], "#")
			if strings.Contains(target, ":") {
				continue
			}
			if strings.HasPrefix(target, "../") && strings.HasPrefix(g.name, "packaging/docs/") {
				c.faults.add(g, i+1, "the packages bring no %s: link to another guide, or write where it is", target)
			}
			to := g
			if target != "" {
				name := path.Join(path.Dir(g.name), target)
				if !exists(name) {
					c.faults.add(g, i+1, "no such file: %s", m[1])
					continue
				}
				if hasAnchor {
					to = parseGuide(name, readTree(c.t, name), &guideFaults{})
				}
			}
			if hasAnchor && !slices.Contains(to.anchors(), anchor) {
				c.faults.add(g, i+1, "no such heading: %s", m[1])
			}
		}
	}
}

// anchors returns the anchors of the headings, as GitHub makes them.
func (g *guide) anchors() (all []string) {
	for _, line := range g.prose {
		if m := guideHeading.FindStringSubmatch(line); m != nil {
			title := strings.ToLower(guideLink.ReplaceAllString(m[1], ""))
			all = append(all, strings.ReplaceAll(anchorDropped.ReplaceAllString(title, ""), " ", "-"))
		}
	}
	return all
}

// checkInline checks commands and keys of ours that stand within a sentence. In a command a|b
// stands for either.
func (c *guideChecker) checkInline(g *guide) {
	for i, line := range g.prose {
		for _, m := range guideCode.FindAllStringSubmatch(line, -1) {
			words := slices.DeleteFunc(strings.Fields(strings.NewReplacer(`\|`, "|", "[", " ", "]", " ", "{", " ", "}", " ").Replace(m[1])),
				func(word string) bool { return word == "…" || word == "|" })
			if len(words) > 0 && words[0] == "sudo" {
				words = words[1:]
			}
			isPreseed := len(words) > 1 && strings.HasPrefix(words[1], "regent/") // of debconf, for the package regent
			if len(words) > 0 && !isPreseed && slices.Contains(ourPrograms, words[0]) {
				for _, choice := range alternatives(words) {
					c.checkOurs(g, i+1, choice)
				}
			}
			c.checkKey(g, i+1, m[1])
		}
	}
}

// checkKey checks a name that is a key of the configuration if its first part is a section.
func (c *guideChecker) checkKey(g *guide, line int, name string) {
	key, _, _ := strings.Cut(name, ": ")
	section, _, _ := strings.Cut(key, ".")
	inSection := false
	for _, d := range policy.Table() {
		if d.Key == key {
			return
		}
		inSection = inSection || strings.HasPrefix(d.Key, section+".")
	}
	isFile := slices.Contains([]string{".json", ".yaml"}, path.Ext(key))
	if inSection && section != "applications" && !isFile && dottedKey.MatchString(key) {
		c.faults.add(g, line, "the configuration has no key %s", key)
	}
}

// alternatives returns the command lines that one with words a|b stands for.
func alternatives(words []string) (all [][]string) {
	for i, word := range words {
		if strings.Contains(word, "|") {
			for choice := range strings.SplitSeq(word, "|") {
				all = append(all, alternatives(slices.Concat(words[:i], []string{choice}, words[i+1:]))...)
			}
			return all
		}
	}
	return [][]string{words}
}

// checkYAML checks that a block is a configuration or a policy, or YAML at all if it is marked
// as a fragment.
func (c *guideChecker) checkYAML(g *guide, b *guideBlock) {
	text := strings.Join(b.text, "\n") + "\n"
	if _, fragment := b.marks["fragment"]; fragment {
		if err := yaml.Unmarshal([]byte(text), new(any)); err != nil {
			c.faults.add(g, b.line, "%v", err)
		}
		return
	}
	c.configs++
	dir := c.t.TempDir()
	file, policies := filepath.Join(dir, "config.yaml"), filepath.Join(dir, "policy.d")
	writeFile(c.t, file, text)
	if err := os.Mkdir(policies, 0o755); err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(c.bin, "regentd"), "check-config",
		"--config", file, "--config-dir", filepath.Join(dir, "config.d"), "--policy-dir", policies)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.faults.add(g, b.line, "regentd check-config says of this block:\n%s", out)
	}
}
