package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"regent/agent/tms/emulator"
)

// inserted puts values for A and B into a text.
func inserted(text, a, b string) string { return strings.NewReplacer("{A}", a, "{B}", b).Replace(text) }

// TestDeletionLists: a file deletes only the rows that it names without a doubt.
func TestDeletionLists(t *testing.T) {
	const list = "id,identifier,fqdn,system_user_name,mac_address,registration_token,ref_id_1,ref_id_2,creation_date"
	tests := []struct {
		name, kind, content string
		code                int
		deletes             string // of A and B
		says                string
	}{
		{"cut before the column delete", "auth-token", "id,identifier,delete\n{A},a\n", 2, "", ":2: the row ends after 2 of 3 columns"},
		{"findings, cut in an expected row", "auth-token", list + ",finding,why,delete\n{A},a,h,,,,,,,orphan,x,yes\n{B},b,h,,,,,,,expected,in the led", 2, "", ":3: the row ends after 11 of 12 columns"},
		{"an empty cell", "auth-token", "id,identifier,delete\n{A},a,\n", 0, "", "deleted 0 auth tokens"},
		{"rows with yes", "auth-token", "id,identifier,delete\n{A},a,yes\n{B},b,no\n", 0, "A", "deleted 1 auth token"},
		{"a list of auth tokens", "auth-token", list + "\n{A},a,,,,,,,\n", 0, "A", "deleted 1 auth token"},
		{"an empty id with an identifier", "auth-token", "id,identifier\n,a\n", 0, "A", "deleted 1 auth token"},
		{"no id and no identifier", "auth-token", "id,identifier,fqdn\n,,host\n", 2, "", ":2: names no auth token"},
		{"no id", "auth-token", "id,fqdn\n,host\n", 2, "", ":2: names no auth token"},
		{"id: before an ID", "auth-token", "id\nid:{A}\n", 0, "A", "deleted 1 auth token"},
		{"id: before an ID, in the other column", "auth-token", "identifier\nid:{A}\n", 0, "A", "deleted 1 auth token"},
		{"no row", "auth-token", "id,identifier\n", 0, "", "has no rows"},
		{"repeated", "auth-token", "id\nNONE\n", 0, "", "deleted 0 auth tokens; 1 was not there"},
		{"auth tokens for registration tokens", "registration-token", list + "\n{A},a,,,,,,,\n", 2, "", "is a list of auth tokens: tmsctl auth-token delete --from"},
		{"registration tokens for auth tokens", "auth-token", "id,identifier,count,used_count\n{A},a,1,1\n", 2, "", "is a list of registration tokens: tmsctl registration-token delete --from"},
		{"a ledger", "auth-token", "identifier,fqdn,system_user_name,mac_address,ref_id_1,ref_id_2,creation_date,outcome,id,code,http_status,words,exported\na,h,u,,,,,confirmed,{A},,,,\n", 2, "", "is a ledger export"},
		{"a translated column", "auth-token", "id,identifier,löschen\n{A},a,nein\n", 2, "", `column "löschen" is unknown`},
		{"findings without the column delete", "auth-token", "id,identifier,finding\n{A},a,expected\n", 2, "", "has no column delete"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, url := newService(t, emulator.Knobs{}, nil)
			ids := map[string]string{}
			for _, name := range []string{"A", "B"} {
				ids[name] = redeemAs(t, e, url, strings.ToLower(name))
			}
			code, out, said := runTyped(t, e, url, "", tt.kind, "delete", "--yes", "--from", written(t, []byte(inserted(tt.content, ids["A"], ids["B"]))))
			if code != tt.code || !strings.Contains(out+said, tt.says) {
				t.Errorf("exit %d, want %d; printed %q, said %q, want %q", code, tt.code, out, said, tt.says)
			}
			left := map[string]bool{}
			for _, a := range e.State().AuthTokens {
				left[a.ID] = true
			}
			for name, id := range ids {
				if left[id] == strings.Contains(tt.deletes, name) {
					t.Errorf("%s is left: %t; said %q", name, left[id], said)
				}
			}
		})
	}
}

// TestQuestionShowsRows: the question before a deletion follows a list of at most ten rows.
func TestQuestionShowsRows(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, nil)
	file := "id\n"
	var ids []string
	for i := range 12 {
		ids = append(ids, redeemAs(t, e, url, fmt.Sprint("regent-", i)))
		file += ids[i] + "\n"
	}
	_, _, said := runTyped(t, e, url, "n\n", "auth-token", "delete", "--from", written(t, []byte(file)))
	for i, id := range ids {
		if strings.Contains(said, id) != (i < 10) {
			t.Errorf("row %d of the question:\n%s", i, said)
		}
	}
	if !strings.Contains(said, "and 2 more") || len(e.State().AuthTokens) != 12 {
		t.Errorf("said:\n%s", said)
	}
}

// TestHostInAnotherCase: a host name has no case.
func TestHostInAnotherCase(t *testing.T) {
	e, url := newService(t, emulator.Knobs{}, func(e *emulator.Emulator) http.Handler { return e })
	id := redeemAs(t, e, url, "a") // on host
	for _, args := range []string{"auth-token list --fqdn HOST --csv", "auth-token list --fqdn Host."} {
		if code, out, said := runTyped(t, e, url, "", strings.Fields(args)...); code != 0 || !strings.Contains(out, id) {
			t.Errorf("%s: exit %d, printed %q, said %q", args, code, out, said)
		}
	}
	if code, _, said := runTyped(t, e, url, "", "auth-token", "delete", "--yes", "HOST"); code != 1 || !strings.Contains(said, "it is a host with 1 auth token") {
		t.Errorf("exit %d, said %q", code, said)
	}
}
