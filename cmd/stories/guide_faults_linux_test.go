package stories

import (
	"strings"
	"testing"
)

// block writes a block of a document.
func block(language, text string) string { return "```" + language + "\n" + text + "\n```\n" }

// TestDocumentsFindsFaults checks that a faulty document is found, and a good one is not.
func TestDocumentsFindsFaults(t *testing.T) {
	world := "<!-- world: live -->\n"
	for name, c := range map[string]struct{ text, fault string }{
		"good":                 {"# A `b`, c\n[x](#a-b-c) `tmsctl registration-token extend|delete ID` `regent regent/tenant string X`\n" + world + block("console", "$ sudo regent status --json | jq .x && ls\nx"), ""},
		"a file":               {"[x](gone.md)", "d.md:1: no such file"},
		"a heading":            {"# A\n[x](#b)", "d.md:2: no such heading"},
		"a heading elsewhere":  {"[x](operations.md#never)", "d.md:1: no such heading"},
		"a file in no package": {"[x](../../README.md)", "d.md:1: the packages bring no"},
		"a language":           {block("bash", "ls"), `d.md:2: the language "bash"`},
		"a world":              {"<!-- world: dead -->\n" + block("console", "$ ls"), `d.md:3: the world "dead"`},
		"no world":             {block("console", "$ ls"), "d.md:2: no world"},
		"a lost mark":          {world + "text", "d.md:2: a comment that is a mark"},
		"no end":               {"```text\nx", "d.md:2: a block has no end"},
		"no command":           {world + block("console", "x"), `d.md:3: "x" is no program`},
		"a hidden command":     {block("text", "a\n$ ls"), "d.md:3: a command stands in a block"},
		"a program":            {block("sh", "ls\nls | regentctl"), `d.md:3: "regentctl" is no program`},
		"a command":            {block("powershell", "regent.exe statuss"), "d.md:2: regent has no command statuss"},
		"a command of one":     {block("sh", "tmsctl --user admin auth-token lst"), "d.md:2: tmsctl auth-token has no command lst"},
		"a flag":               {block("sh", "sudo regent register \\\n  --fil x"), "d.md:2: regent register has no flag --fil"},
		"a flag in a sentence": {"x `regent ledger resolve ID --eaten`", "d.md:1: regent ledger resolve has no flag --eaten"},
		"a choice":             {"`regent store verify\\|eat`", "d.md:1: regent store has no command eat"},
		"a target":             {block("sh", "make tea"), "d.md:2: make has no target tea"},
		"a key":                {block("yaml", "tenants: x"), "d.md:2: regentd check-config says"},
		"a key in a sentence":  {"`network.proxi: none` and `network.proxy`", "d.md:1: the configuration has no key network.proxi"},
		"too many lines":       {strings.Repeat("x\n", 301), "d.md:300: more than 300 lines"},
		"a fragment":           {"<!-- fragment -->\n" + block("yaml", "a: ["), "d.md:3: yaml:"},
	} {
		faults := &guideFaults{}
		checker := &guideChecker{t: t, bin: programs(t), help: map[string]*commandHelp{}, faults: faults}
		checker.check(parseGuide("packaging/docs/d.md", c.text, faults))
		expectFault(t, name, faults, c.fault)
	}
}

// TestDocumentsRunFindsFaults checks the same of what is run.
func TestDocumentsRunFindsFaults(t *testing.T) {
	needsWorlds(t)
	t.Parallel()
	const start = "<!-- world: empty -->\n"
	for name, c := range map[string]struct{ text, fault string }{
		"good": {"<!-- world: empty -->\n<!-- file: /etc/x -->\n" + block("yaml", "a: 1") + "then\n" +
			block("console", "$ cat \\\n  /etc/x; cd /tmp; export Y=5\na: …\n$ pwd; echo $Y\n/tmp\n5\n$ cat <<'E'\n> a\n> b\n> c\n> E\na\n…\nc"), ""},
		"an output":        {start + block("console", "$ printf 'a\\nb\\n'\na\nc"), "d.md:3: $ printf"},
		"a line too many":  {start + block("console", "$ printf 'a\\nb\\n'\na"), "d.md:3: $ printf"},
		"a failure":        {start + block("console", "$ true\n$ ls /never\n…"), "d.md:4: $ ls /never\nexits 2"},
		"an end":           {start + block("console", "$ exit 0"), "d.md:3: exit 0\nthe shell has ended"},
		"a gap":            {start + block("console", "$ echo 'a      b'\na  b"), ""},
		"no gap":           {start + block("console", "$ echo 'a  b'\na b"), "d.md:3: $ echo"},
		"another document": {"<!-- world: live -->\n" + block("console", "$ regent status\nserving 3 of 3 instances\n…"), "serving 2 of 2 instances"},
	} {
		faults := &guideFaults{}
		runGuide(t, programs(t), parseGuide("packaging/docs/d.md", c.text, faults), faults)
		expectFault(t, name, faults, c.fault)
	}
}

// expectFault checks that the faults are the one that is wanted, or none for "".
func expectFault(t *testing.T, name string, faults *guideFaults, want string) {
	t.Helper()
	got := strings.ReplaceAll(strings.Join(faults.all, "\n"), "packaging/docs/", "")
	if (want == "") != (got == "") || !strings.Contains(got, want) || len(faults.all) > 1 {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}
