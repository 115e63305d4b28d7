package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

func inUTF16(order binary.AppendByteOrder, text string) string {
	var b []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// TestReadCSV: files as spreadsheets of several countries write them are read, and
// what cannot be read is refused with the line and the reason.
func TestReadCSV(t *testing.T) {
	const text = "recipient,count,customer\nParis,2,ACME\nKoeln,3,Müller GmbH\n"
	semicolons := strings.ReplaceAll(text, ",", ";")
	const all = "Paris 2 ACME|Koeln 3 Müller GmbH"
	tests := []struct{ name, content, want, wrong string }{
		{"plain", text, all, ""},
		{"byte order mark", "\ufeff" + text, all, ""},
		{"line ends of Windows", strings.ReplaceAll(text, "\n", "\r\n"), all, ""},
		{"line ends of an old Macintosh", strings.ReplaceAll(semicolons, "\n", "\r"), all, ""},
		{"semicolons", "\ufeff" + semicolons, all, ""},
		{"tabs", strings.ReplaceAll(text, ",", "\t"), all, ""},
		{"UTF-16, little end first", inUTF16(binary.LittleEndian, text), all, ""},
		{"UTF-16, big end first, tabs", inUTF16(binary.BigEndian, strings.ReplaceAll(text, ",", "\t")), all, ""},
		{"a line that names the separator", "sep=;\r\n" + semicolons, all, ""},
		{"capitals and spaces in the head", strings.Replace(text, "recipient,count,customer", `" Recipient",COUNT , Customer`, 1), all, ""},
		{"blank rows", ",,\n" + text + ",,\n\n  , ,\n", all, ""},
		{"empty cells at the end", "recipient,count,customer\nParis,2,ACME,,\nKoeln,3,Müller GmbH,,\n", all, ""},
		{"a comma in a cell", "recipient;count;customer\nParis;2;\"ACME, Inc.\"\n", "Paris 2 ACME, Inc.", ""},
		{"columns in another order, and more", "note;count;recipient\nx;2;Paris\n", "Paris 2 ", ""},

		{"the ANSI code page", strings.Replace(text, "ü", "\xfc", 1), "", `:3: "M\xfcller GmbH" is not UTF-8`},
		{"UTF-16 without a mark", inUTF16(binary.LittleEndian, text)[2:], "", "looks like UTF-16 without its mark"},
		{"UTF-16 cut short", inUTF16(binary.LittleEndian, text) + "x", "", "ends in the middle of a character"},
		{"two separators in the head", "recipient;count,customer\nParis;2\n", "", `:1: column "count,customer" contains a comma, but the separator of the file is semicolon`},
		{"a misspelt column", "recipient,cuont\nParis,2\n", "", `:1: column "cuont" is unknown; did you mean count?`},
		{"no head", "Paris,2\n", "", "has no column recipient"},
		{"nothing", "", "", "has no column recipient"},
		{"two columns of one name", "recipient,count,Count\nParis,2,3\n", "", ":1: two columns are called count"},
		{"cells left out at the end", "recipient,count,customer\nParis,2,ACME\nKoeln,3\n", "", ":3: the row ends after 2 of 3 columns"},
		{"a cell too many", "recipient,count,customer\nParis,2,ACME, Inc.\n", "", ":2: has more cells"},
		{"a cell too many, after sep=", "sep=,\nrecipient,count,customer\nParis,2,ACME, Inc.\n", "", ":3: has more cells"},
		{"another separator", "sep=:\nrecipient:count\n", "", ":1: \"sep=:\": the separator must be"},
		{"a quote that does not end", "recipient,count\n\"Paris,2\n", "", ":2: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			told := ""
			rows, err := readCSV(written(t, []byte(tt.content)), csvColumns{needed: []string{"recipient"}, optional: []string{"count", "customer"}, say: func(f string, args ...any) { told += fmt.Sprintf(f, args...) }})
			var got []string
			for _, r := range rows {
				got = append(got, r.text("recipient")+" "+r.text("count")+" "+r.text("customer"))
			}
			if diff := cmp.Diff(strings.Join(got, "|"), tt.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
			if strings.Contains(told, "ignored column: note;") != strings.Contains(tt.content, "note") {
				t.Errorf("of columns that are not read it tells %q", told)
			}
			if tt.wrong == "" && err != nil || tt.wrong != "" && (err == nil || !strings.Contains(err.Error(), tt.wrong)) {
				t.Errorf("error %v, want %q", err, tt.wrong)
			}
		})
	}
}

// TestMisreadRecipients: a name that another program read in a wrong encoding is told
// from one that only has a letter which no file may have.
func TestMisreadRecipients(t *testing.T) {
	for name, want := range map[string]string{
		"Köln":            "begin with a letter or digit\n",
		"K\u00c3\u00b6ln": "it looks like \"Köln\", saved in a wrong encoding",
		"K\ufffdln":       "damaged a character",
		"a":               "the name is there twice",
	} {
		_, err := readRecipients(written(t, []byte("recipient\na\n"+name+"\n")), admin.NewRegistrationToken{Count: 1}, nil)
		if err == nil || !strings.Contains(err.Error()+"\n", want) || !strings.Contains(err.Error(), ":3: recipient ") {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

// TestChangedRows: all rows whose id and identifier do not belong together stop the
// command at once, each with its line, or are left out where that was asked for.
func TestChangedRows(t *testing.T) {
	there := []target{{"A", "100000"}, {"B", "007"}, {"C", "ws-3"}, {"004", "ws-4"}}
	file := written(t, []byte("id,identifier\nA,1E+05\nB,7\nC,ws-3\n4,ws-4\ngone,ws-9\n"))
	rows, err := readCSV(file, csvColumns{needed: []string{"id", "identifier"}})
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	tool := &tool{runtimeEnv: runtimeEnv{err: &said}}
	d := deletion{thing: "auth token", from: file, columns: []string{"id", "identifier"}}
	_, _, err = tool.choose(d, rows, there)
	for _, want := range []string{
		"nothing was deleted: 3 rows", `:2: auth token A has the identifier "100000" at the service, not "1E+05" (a spreadsheet wrote it as a number)`,
		`:3: auth token B has the identifier "007" at the service, not "7" (a spr`, `:5: no auth token has the id "4"; "ws-4" has the id 004 (a spr`, "--skip-changed",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	d.skipChanged = true
	all, gone, err := tool.choose(d, rows, there)
	if err != nil || !slices.Equal(ids(all), []string{"C"}) || gone != 1 || strings.Count(said.String(), "skipped: ") != 3 {
		t.Errorf("with --skip-changed: %v, %d gone, %v, and it says:\n%s", all, gone, err, said.String())
	}
}

// TestFormulasStayText: whichever separator a spreadsheet splits a row at, no cell
// begins a formula.
func TestFormulasStayText(t *testing.T) {
	for _, s := range []string{
		"=1+1", "+1", "-1", "@x", " =1", "\t=1", "\n=1", "\r\n=1", "a;=cmd|' /C calc'!A0;", "a\t=1", "a,=1", `a;"=1"`, `";=1`, "a; =1", "＝1", "a;＋1", "'=1", "a؛=1", "a；=1", "=;=;=",
	} {
		var b bytes.Buffer
		if err := writeCSV(&b, []string{s}, func(s string) object { return object{{"id", "id"}, {"text", s}, {"end", "end"}} }); err != nil {
			t.Fatal(err)
		}
		for _, comma := range ",;\t؛；" {
			r := csv.NewReader(strings.NewReader(b.String()))
			r.Comma, r.LazyQuotes, r.FieldsPerRecord = comma, true, -1
			rows, err := r.ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, cell := range rows[len(rows)-1] {
				if bare := strings.TrimLeft(cell, " \"\u00a0"); bare != "" && strings.ContainsAny(bare[:1], "=+-@") || strings.HasPrefix(bare, "＝") || strings.HasPrefix(bare, "＋") {
					t.Errorf("%q written as %q: split at %q a cell begins a formula: %q", s, b.String(), comma, cell)
				}
			}
			if len(rows) != 2 {
				t.Errorf("%q written as %q: split at %q there are %d rows", s, b.String(), comma, len(rows))
			}
		}
	}
}

// TestIdentifiersSurvive: any identifier that a device made up is found again in
// the file that tmsctl wrote, and nothing in that file moves a cursor.
func TestIdentifiersSurvive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.csv")
	rapid.Check(t, func(t *rapid.T) {
		identifier := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"evil ", "ev\r\nil", "\n=1+1", "\x1b[2J", "a;=b", "\u202eabc", "\u009b2J", "'x", ""})).Draw(t, "identifier")
		var b bytes.Buffer
		if err := writeCSV(&b, []admin.AuthToken{{ID: "ID", Identifier: identifier, FQDN: identifier}}, authMembers); err != nil {
			t.Fatal(err)
		}
		if text := strings.ReplaceAll(b.String(), "\n", ""); terminal.Printable(text) != text {
			t.Fatalf("the file has characters that cannot be printed: %q", text)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		rows, err := readCSV(file, csvColumns{needed: []string{"id", "identifier"}})
		if err != nil || len(rows) != 1 || rows[0].text("id") != "ID" || !rows[0].names(identifier) {
			t.Fatalf("%q: read %+v, %v", identifier, rows, err)
		}
		if rows[0].names(identifier + "x") {
			t.Fatalf("%q is taken for another one", identifier)
		}
	})
}

// TestPathsAreNoPatterns: a directory of ledgers may have a bracket in its name.
func TestPathsAreNoPatterns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site [A-Z]")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a.csv", "B.CSV", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("identifier;outcome\r\nx;confirmed\r\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in, err := investigateFlags{ledgers: dir}.read(nil)
	if err != nil || len(in.Entries) != 2 {
		t.Errorf("%d entries, %v; want 2", len(in.Entries), err)
	}
}

// TestCutLedger: a ledger export that was cut is an error that names the line.
func TestCutLedger(t *testing.T) {
	const head = "identifier,fqdn,system_user_name,mac_address,ref_id_1,ref_id_2,creation_date,outcome,id,code,http_status,words,exported\n"
	for row, want := range map[string]string{
		"a,h,u,,cad/1,device-1,2026-11-30T14:41:46Z,confirmed,ID,,,,2026-11-30T14:42:00Z\n": "",
		"a,h,u,,cad/1,device-1,2026-11-30T14:41:46Z,c":                                      ":2: the row ends after 8 of 13 columns",
		"a,h,u,,cad/1,device-1,2026-11-30T14:41:46Z,c,ID,,,,\n":                             `:2: outcome "c" is unknown`,
		"a,h,u,,cad/1,device-1,2026-11-30T14:41:46Z,,ID,,,,\n":                              `:2: outcome "" is unknown`,
		",h,u,,cad/1,device-1,2026-11-30T14:41:46Z,confirmed,ID,,,,2026-11-30T14:42:00Z\n":  ":2: identifier is empty",
		"a,h,u,,cad/1,device-1,2026-11-30T14:41:46Z,confirmed,ID,,,,soon\n":                 `:2: exported "soon" is not a time`,
	} {
		dir := filepath.Dir(written(t, nil))
		if err := os.WriteFile(filepath.Join(dir, "ws1.csv"), []byte(head+row), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := investigateFlags{ledgers: dir}.read(nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "ws1.csv"+want)) {
			t.Errorf("%q: %v, want %q", row, err, want)
		}
	}
}

// TestInventoryRows: a host is there once, and has a name.
func TestInventoryRows(t *testing.T) {
	for rows, want := range map[string]string{
		"ws1,,no\nws2,,no\n":  "",
		"ws1,,no\nWS1.,,no\n": "",
		"ws1,,no\nWS1,,yes\n": ":3: the host ws1 is also in line 2, with other values",
		",anna,no\n":          ":2: fqdn is empty",
		"ws1,anna,no\nlap":    ":3: the row ends after 1 of 3 columns",
	} {
		_, err := investigateFlags{devices: written(t, []byte("fqdn,user,retired\n"+rows))}.read(nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", rows, err, want)
		}
	}
}

// TestInventory: a word that is neither yes nor no is an error, and no "no".
func TestInventory(t *testing.T) {
	for cell, want := range map[string]string{"yes": "true", "Yes": "true", "1": "true", "no": "false", "": "false", "ja": ":2: ", "retired": ":2: "} {
		in, err := investigateFlags{devices: written(t, []byte("fqdn;user;retired\r\nws1;root;"+cell+"\r\n"))}.read(nil)
		got := fmt.Sprint(err)
		if err == nil {
			got = fmt.Sprint(in.Devices[0].Retired)
		}
		if !strings.Contains(got, want) {
			t.Errorf("retired %q: %s, want %s", cell, got, want)
		}
	}
}

// TestJSONEscapesDeviceText: what a device wrote is escaped where it cannot be printed.
func TestJSONEscapesDeviceText(t *testing.T) {
	var out bytes.Buffer
	w := runtimeEnv{out: &out}
	if err := (&tool{runtimeEnv: w}).printJSON(map[string]string{"fqdn": "a\x1b[2J\u009b\u202e\x7fé東"}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"fqdn\": \"a\\u001b[2J\\u009b\\u202e\\u007fé東\"\n}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
