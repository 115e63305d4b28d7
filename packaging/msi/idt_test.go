package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTableIsReadAsWritten(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		for _, table := range made(t, arch, "de") {
			got, err := ParseIDT(table.IDT())
			if err != nil {
				t.Fatalf("%s: %v", table.Name, err)
			}
			if diff := cmp.Diff(table.IDT(), got.IDT()); diff != "" {
				t.Errorf("%s: -written +read:\n%s", table.Name, diff)
			}
		}
	}
}

func TestTableIsChecked(t *testing.T) {
	tests := []struct {
		name string
		rows [][]string
		want string
	}{
		{"a good row", [][]string{{"a", "1", ""}}, ""},
		{"a key twice", [][]string{{"a", "1", ""}, {"a", "2", ""}}, `the key "a" is there twice`},
		{"nothing where something must be", [][]string{{"a", "", ""}}, "column Number may not be empty"},
		{"too long", [][]string{{"abcdefg", "1", ""}}, "holds 5 characters, not 7"},
		{"a line's end", [][]string{{"a", "1", "x\ny"}}, "letters of Latin-1"},
		{"a letter that the code page has not", [][]string{{"a", "1", "\u2713"}}, "letters of Latin-1"},
		{"a letter that it has elsewhere", [][]string{{"a", "1", "\u20ac"}}, "letters of Latin-1"},
		{"a row in German", [][]string{{"a", "1", "\u00fc"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := Table{Name: "T", Keys: 1, Columns: []Column{{"Key", "s5"}, {"Number", "i2"}, {"Text", "L0"}}, Rows: tt.rows}
			err := table.check()
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if got := fmt.Sprint(err); !strings.Contains(got, tt.want) {
				t.Errorf("got error %q, want one with %q", got, tt.want)
			}
		})
	}
}

func FuzzParseIDT(f *testing.F) {
	f.Add("Property\tValue\r\ns72\tl0\r\nProperty\tProperty\r\nA\tb\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		table, err := ParseIDT(text)
		if err != nil {
			return
		}
		// What was read is written and read the same, line ends aside.
		again, err := ParseIDT(table.IDT())
		if err != nil {
			t.Fatalf("written again it cannot be read: %v", err)
		}
		if again.IDT() != table.IDT() {
			t.Errorf("got %q, want %q", again.IDT(), table.IDT())
		}
	})
}
