package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	update   = flag.Bool("update", false, "write the golden tables again")
	exported = flag.String("exported", "", "`directory` of the tables of a package that was built, which are then the ones that are tested")
	arch     = flag.String("arch", "amd64", "the architecture of the exported tables")
	speech   = flag.String("language", "en", "the language of the exported tables")
)

// tablesUnderTest are those of a package that was built, if the command line
// names them, and otherwise what it would be built of. The same is asked of both:
// what the tools dropped or changed in between is found so.
func tablesUnderTest(t *testing.T) map[string]Table {
	t.Helper()
	tables := map[string]Table{}
	if *exported == "" {
		return made(t, *arch, *speech)
	}
	names, err := filepath.Glob(filepath.Join(*exported, "*.idt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no exported tables in %s: %v", *exported, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		table, err := ParseIDT(string(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tables[table.Name] = table
	}
	return tables
}

// example is a build of nothing in particular, in English.
func example(arch string) Build {
	b := Build{Version: "1.2.3", Arch: arch, Language: "en", License: "First.\n\nSecond {line}."}
	for i, p := range InstalledFiles() {
		f := File{Name: p.File, Size: int64(1000 + i), Hash: [4]uint32{uint32(i), 1, 2, 0xffffffff}}
		if strings.HasSuffix(p.File, ".exe") {
			f.Version = "1.2.3.0"
		}
		b.Files = append(b.Files, f)
	}
	return b
}

// made returns the tables of the example, by name.
func made(t *testing.T, arch, language string) map[string]Table {
	t.Helper()
	b := example(arch)
	b.Language = language
	tables, err := Tables(b)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Table{}
	for _, table := range tables {
		byName[table.Name] = table
	}
	return byName
}

// cells returns one column of a table, by the first column of its key.
func cells(t *testing.T, table Table, column string) map[string]string {
	t.Helper()
	at := slices.IndexFunc(table.Columns, func(c Column) bool { return c.Name == column })
	if at < 0 {
		t.Fatalf("table %q has no column %s", table.Name, column)
	}
	out := map[string]string{}
	for _, row := range table.Rows {
		out[row[0]] = row[at]
	}
	return out
}

// varyingCells is what differs from build to build. A * stands for any row.
var varyingCells = map[string]string{
	"File/*":                  "FileSize Version Language",
	"MsiFileHash/*":           "HashPart1 HashPart2 HashPart3 HashPart4",
	"Property/ProductCode":    "Value",
	"Property/ProductVersion": "Value",
	"Upgrade/*":               "VersionMin VersionMax",
	"_SummaryInformation/6":   "Value",
}

// golden is the text of all tables without what varies.
func golden(tables map[string]Table) string {
	var names []string
	for name := range tables {
		if name != "_ForceCodepage" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		table := tables[name]
		masked := table
		masked.Rows = nil
		for _, row := range table.Rows {
			if !isOmitted(name, row[0]) {
				masked.Rows = append(masked.Rows, maskVarying(table, row))
			}
		}
		b.WriteString(strings.ReplaceAll(masked.IDT(), "\r\n", "\n") + "\n")
	}
	return b.String()
}

// isOmitted are rows that are there or not: the package code comes last of all, the
// tools say that there is no password, and a program that has a version has no
// hash.
func isOmitted(table, key string) bool {
	return table == "_SummaryInformation" && (key == "9" || key == "16") ||
		table == "MsiFileHash" && strings.HasSuffix(key, ".exe")
}

// maskVarying replaces what varies, and what is no text.
func maskVarying(table Table, row []string) []string {
	row = slices.Clone(row)
	if table.Name == "Control" && row[2] == "ScrollableText" {
		row[9] = "(the licence)"
	}
	columns := strings.Fields(varyingCells[table.Name+"/*"] + " " + varyingCells[table.Name+"/"+row[0]])
	for i, c := range table.Columns {
		switch {
		case c.Type[0]|0x20 == 'v':
			row[i] = "(a stream)"
		case table.Name == "Upgrade" && row[i] == "": // no limit is one as well
		case slices.Contains(columns, c.Name):
			row[i] = "(varies)"
		}
	}
	return row
}

// TestGolden holds every table, to the last cell. What was built in another language
// than English is compared with what was meant; TestTranslationsChangeTextsAlone holds
// the rest.
func TestGolden(t *testing.T) {
	switch {
	case *exported == "":
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(arch, func(t *testing.T) { isGolden(t, arch, made(t, arch, "en")) })
		}
	case *speech == "en":
		isGolden(t, *arch, tablesUnderTest(t))
	default:
		if diff := cmp.Diff(golden(made(t, *arch, *speech)), golden(tablesUnderTest(t))); diff != "" {
			t.Errorf("-meant +built:\n%s", diff)
		}
	}
}

func isGolden(t *testing.T, arch string, tables map[string]Table) {
	t.Helper()
	name := filepath.Join("testdata", arch+".golden")
	got := golden(tables)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("-want +got (if it is meant: go test ./packaging/msi -run TestGolden -update):\n%s", diff)
	}
}

// TestArchitectures: for arm64 the same is installed, as another product.
func TestArchitectures(t *testing.T) {
	one, other := made(t, "amd64", "en"), made(t, "arm64", "en")
	var differ []string
	for name := range one {
		if one[name].IDT() != other[name].IDT() {
			differ = append(differ, name)
		}
	}
	slices.Sort(differ)
	if diff := cmp.Diff([]string{"Component", "Property", "_SummaryInformation"}, differ); diff != "" {
		t.Errorf("tables that differ, -want +got:\n%s", diff)
	}
	if got, want := cells(t, other["_SummaryInformation"], "Value")["7"], "Arm64;1033"; got != want {
		t.Errorf("got template %q, want %q", got, want)
	}
}

func TestBuildIsChecked(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Build)
		want   string
	}{
		{"an unknown architecture", func(b *Build) { b.Arch = "386" }, `not for "386"`},
		{"no version", func(b *Build) { b.Version = "" }, "not of the form 1.2.3"},
		{"a version of four numbers", func(b *Build) { b.Version = "1.2.3.4" }, "not of the form 1.2.3"},
		{"a version that would be cut off", func(b *Build) { b.Version = "256.0.0" }, "number 1 is at most 255"},
		{"a build number that would be cut off", func(b *Build) { b.Version = "1.0.65536" }, "number 3 is at most 65535"},
		{"a file too few", func(b *Build) { b.Files = b.Files[1:] }, "the files are"},
		{"no licence", func(b *Build) { b.License = "" }, "the license text is empty"},
		{"a licence that the tables cannot hold", func(b *Build) { b.License = "\u2713" }, "letters of Latin-1"},
		{"an unknown language", func(b *Build) { b.Language = "xx" }, `in the language "xx"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := example("amd64")
			tt.change(&b)
			_, err := Tables(b)
			if got := fmt.Sprint(err); !strings.Contains(got, tt.want) {
				t.Errorf("got error %q, want one with %q", got, tt.want)
			}
		})
	}
}

// TestIdentifiers: a component keeps its identifier in every version, a product
// does not, and no two things share one.
func TestIdentifiers(t *testing.T) {
	first, second := example("amd64"), example("amd64")
	second.Version = "1.2.4"
	of := func(b Build) (components, properties map[string]string) {
		tables, err := Tables(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			switch table.Name {
			case "Component":
				components = cells(t, table, "ComponentId")
			case "Property":
				properties = cells(t, table, "Value")
			}
		}
		return components, properties
	}
	components, properties := of(first)
	laterComponents, laterProperties := of(second)
	if diff := cmp.Diff(components, laterComponents); diff != "" {
		t.Errorf("components changed with the version:\n%s", diff)
	}
	if properties["ProductCode"] == laterProperties["ProductCode"] || properties["UpgradeCode"] != laterProperties["UpgradeCode"] {
		t.Errorf("a new version is to have a product code of its own, and the same upgrade code: %v, %v", properties, laterProperties)
	}
	seen := map[string]string{properties["ProductCode"]: "the product", properties["UpgradeCode"]: "the upgrades"}
	for name, id := range components {
		if seen[id] != "" {
			t.Errorf("%s has the identifier of %s", name, seen[id])
		}
		seen[id] = name
	}
}

// TestFilesCanBeCompared: Windows Installer knows of each file a version or a
// hash, and not both.
func TestFilesCanBeCompared(t *testing.T) {
	tables := tablesUnderTest(t)
	hashes := cells(t, tables["MsiFileHash"], "HashPart1")
	for name, version := range cells(t, tables["File"], "Version") {
		if (version == "") != (hashes[name] != "") {
			t.Errorf("%s has the version %q and the hash %q", name, version, hashes[name])
		}
	}
}
