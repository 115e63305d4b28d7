package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int // words of each sentence
	}{
		{"One two three. Four five? Six! Seven", []int{3, 2, 1, 1}},
		{"A list, e.g. of names, i.e. words, ends here. Next.", []int{9, 1}},
		{"See No. 5 of them. No. It says no.", []int{5, 1, 3}},
		{"Run `regent status --json. Now` at once. Then wait.", []int{4, 2}},
		{"regentd 1.2.3 reads config.d/a.yaml first. regent waits…", []int{5, 2}},
		{"It ends (in brackets.) And \"quoted.\" Then **bold.** So", []int{4, 2, 2, 1}},
		{"one — two -> three", []int{3}},
		{"a line\nand the next.\nThen more", []int{5, 2}},
	} {
		var got []int
		for _, s := range sentences(c.text) {
			got = append(got, s.words)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %v words, want %v", c.text, got, c.want)
		}
	}
	if s := sentences("a line\nand more. Then\n`code here`"); s[1].line != 1 || s[1].text != "Then `code here`" {
		t.Errorf("the second sentence is %+v", s[1])
	}
}

func lines(b []block) (all []string) {
	for _, one := range b {
		all = append(all, fmt.Sprintf("%d %s", one.line, strings.ReplaceAll(one.text, "\n", "/")))
	}
	return all
}

func TestMarkdown(t *testing.T) {
	var got texts
	got.markdown("README.md", strings.Join([]string{
		"# Title", "", "A [link](to.md) and", "more.", "```sh", "code", "```", "- item", "  goes on", "- two",
		"", "| a | `x|y` |", "|---|---|", "| one cell | |", "<!-- a", "comment -->", "    code", strings.Repeat("w", 121),
	}, "\n"))
	want := []string{"3 A link and/more.", "8 item/  goes on", "10 two", "12  a ", "12  `x/y` ", "14  one cell ", "18 " + strings.Repeat("w", 121)}
	if !slices.Equal(lines(got.blocks), want) {
		t.Errorf("blocks %q, want %q", lines(got.blocks), want)
	}
	if len(got.wide) != 1 || got.wide[0].line != 18 {
		t.Errorf("wide lines %+v", got.wide)
	}
}

func TestGo(t *testing.T) {
	var got texts
	err := got.goFile("x.go", []byte(`// Package x does it.
//
// As in:
//
//	code
//
//   - an item
//go:build linux
package x

var _ = fmt.Errorf("a %s "+
	"b: %w", c)
var _ = fault.Errorf("op", kind, "its text\nsecond line") //nolint:all // no text
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"1 Package x does it.", "3 As in:", "7 an item", "1 Package x does it.", "3 As in:", "7 an item", "11 a %s b: %w", "13 its text", "13 second line"}
	if !slices.Equal(lines(got.blocks), want) {
		t.Errorf("blocks %q, want %q", lines(got.blocks), want)
	}
}

func TestHelp(t *testing.T) {
	var got texts
	below := got.helpText("x --help", `Does a thing
twice. It ends.

Usage:
  x [flags]

Available Commands:
  one         Do one thing

Flags:
  -h, --help        help for x
      --long NAME   a NAME that
                    goes on
      --very-long-name-of-a-flag
                    its description

Use "x [command] --help".
`)
	if !slices.Equal(below, []string{"one"}) {
		t.Errorf("commands %q", below)
	}
	var flat []string
	for _, l := range lines(got.blocks) {
		flat = append(flat, strings.Join(strings.Fields(l), " "))
	}
	want := []string{"1 Does a thing/twice. It ends.", "8 Do one thing", "11 help for x", "12 a NAME that/ goes on",
		"14 --very-long-name-of-a-flag/ its description", `17 Use "x [command] --help".`}
	if !slices.Equal(flat, want) {
		t.Errorf("blocks %q, want %q", flat, want)
	}
}

func TestInstallers(t *testing.T) {
	var got texts
	got.msi(msiTexts, "{\n  \"a.title\": \"Re&move\",\n\n  \"b.C\": \"[Name] has \\\"%1\\\"\"\n}")
	got.debconf(debconfTexts, "Template: a/b\nType: string\n_Description: Name:\n One and\n more.\n .\n Two.\n\nTemplate: c\n")
	want := []string{"2 Remove", "4 `[Name]` has \"`%1`\"", "3 Name:", "4 One and/more.", "7 Two."}
	if !slices.Equal(lines(got.blocks), want) {
		t.Errorf("blocks %q, want %q", lines(got.blocks), want)
	}
}
