package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
)

// inquiry is the flags of investigate.
type inquiry struct {
	ledgers, devices, html string
	csv, all               bool
}

// shown is how many findings a table on the screen has at most.
const shown = 50

func (t *tool) investigate() *cobra.Command {
	var o inquiry
	c := &cobra.Command{
		Use: "investigate REGISTRATION-TOKEN", Short: "Who used the counts: join the service's list with ledgers and an inventory",
		Args: one("registration token"),
		Long: `Find out who used the counts of a registration token, named by its identifier or id.

The service's list of auth tokens is joined with what is given:
  --ledgers DIR      exports of devices, one file each: regent ledger --csv >DIR/$(hostname).csv
  --devices FILE     your inventory as CSV: fqdn[,user][,retired]; retired is yes or no
Without either only duplicates and copied disks can be told.

--csv has the columns that auth-token delete --from takes: remove the rows that
are to stay, and give it the rest.`,
		RunE: running(func(c *cobra.Command, args []string) error {
			if o.csv && t.flags.json {
				return usagef("--csv and --json exclude each other")
			}
			in, err := o.read()
			if err != nil {
				return err
			}
			return t.asAdministrator(c.Context(), func(s *admin.Session) error {
				r, err := t.find(c.Context(), s, args[0])
				if err != nil {
					return err
				}
				if in.Tokens, err = s.AuthTokens(c.Context(), admin.AuthFilter{Registration: r.Identifier}); err != nil {
					return err
				}
				return t.report(r, usage.Investigate(in), o)
			})
		}),
	}
	f := c.Flags()
	f.StringVar(&o.ledgers, "ledgers", "", "`DIR` of ledger exports, *.csv")
	f.StringVar(&o.devices, "devices", "", "`FILE` with the inventory")
	f.BoolVar(&o.csv, "csv", false, "print the findings as CSV")
	f.BoolVar(&o.all, "all", false, "with --csv or --json: what is as expected, too")
	f.StringVar(&o.html, "html", "", "write a page with a time line to this `FILE`, readable by you only")
	return c
}

// find returns the registration token of an identifier or, failing that, id.
func (t *tool) find(ctx context.Context, s *admin.Session, name string) (admin.RegistrationToken, error) {
	list, err := s.RegistrationTokens(ctx, admin.RegistrationFilter{Identifier: name})
	if err != nil {
		return admin.RegistrationToken{}, err
	}
	if len(list) > 0 && list[0].Flaw != "" {
		return list[0], fmt.Errorf("registration token %q cannot be read whole: %s", name, list[0].Flaw)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	if len(list) > 1 {
		t.say("%d registration tokens are called %s; their auth tokens cannot be told apart\n", len(list), cell(name))
		return list[0], nil
	}
	r, err := s.RegistrationToken(ctx, name)
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Status == http.StatusNotFound {
		return r, fmt.Errorf("no registration token has the identifier or id %q: see tmsctl registration-token list", name)
	}
	return r, err
}

// read reads what is joined with the list, before anything is asked of the service.
func (o inquiry) read() (usage.Input, error) {
	var in usage.Input
	if o.ledgers != "" {
		files, err := filepath.Glob(filepath.Join(o.ledgers, "*.csv"))
		if err != nil || len(files) == 0 {
			return in, usagef("--ledgers %s: holds no *.csv", o.ledgers)
		}
		for _, name := range files {
			entries, err := readLedger(name)
			if err != nil {
				return in, usagef("--ledgers: %v", err)
			}
			in.Entries = append(in.Entries, entries...)
		}
	}
	if o.devices != "" {
		rows, err := readCSV(o.devices, "fqdn")
		if err != nil {
			return in, usagef("--devices: %v", err)
		}
		for _, row := range rows {
			retired := slices.Contains([]string{"yes", "true", "1"}, strings.ToLower(row.fields["retired"]))
			in.Devices = append(in.Devices, usage.Device{FQDN: row.fields["fqdn"], User: row.fields["user"], Retired: retired})
		}
	}
	return in, nil
}

func readLedger(name string) ([]usage.Entry, error) {
	rows, err := readCSV(name, "identifier", "outcome")
	if err != nil {
		return nil, err
	}
	entries := make([]usage.Entry, 0, len(rows))
	for _, row := range rows {
		began, _ := time.Parse(time.RFC3339, row.fields["creation_date"]) // without one it is the earliest
		entries = append(entries, usage.Entry{
			Identifier: row.fields["identifier"], FQDN: row.fields["fqdn"], UserName: row.fields["system_user_name"],
			MAC: row.fields["mac_address"], RefID1: row.fields["ref_id_1"], RefID2: row.fields["ref_id_2"],
			Began: began, Outcome: row.fields["outcome"],
		})
	}
	return entries, nil
}

func (t *tool) report(r admin.RegistrationToken, report usage.Report, o inquiry) error {
	rows := report.Anomalies()
	if o.all {
		rows = report.Rows
	}
	if o.html != "" {
		if err := writePage(o.html, page{r, report, t.now()}); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		t.say("wrote %s\n", o.html)
	}
	switch {
	case t.flags.json:
		return t.printJSON(reportJSON{jsonOf(r, t.now(), false), report.Counts, findingsJSON(rows)})
	case o.csv:
		return writeFindings(t.out, rows)
	}
	return t.printReport(r, report, rows)
}

func (t *tool) printReport(r admin.RegistrationToken, report usage.Report, rows []usage.Row) error {
	listed := 0
	for _, row := range report.Rows {
		if row.ID != "" {
			listed++
		}
	}
	if _, err := fmt.Fprintf(t.out, "%s: %s counts used, %s, last day %s\n%d auth tokens exist; %d were deleted\n\n",
		cell(r.Identifier), usedOf(r), r.Usability(t.now()), inWords(r.Expires, t.now()), listed, max(0, r.Used-listed)); err != nil {
		return err
	}
	sums := [][]string{{"FINDING", "AUTH TOKENS"}}
	for _, kind := range usage.Kinds() {
		if n := report.Counts[kind]; n > 0 {
			sums = append(sums, []string{word(kind), fmt.Sprint(n)})
		}
	}
	if err := table(t.out, sums); err != nil || len(rows) == 0 {
		return err
	}
	if _, err := fmt.Fprintln(t.out); err != nil {
		return err
	}
	if err := t.printFindings(rows[:min(len(rows), shown)]); err != nil || len(rows) <= shown {
		return err
	}
	_, err := fmt.Fprintf(t.out, "and %d more: --csv or --html has all\n", len(rows)-shown)
	return err
}

func (t *tool) printFindings(rows []usage.Row) error {
	lines := [][]string{{"FINDING", "FQDN", "REF ID 1", "CREATED", "USER", "ID", "WHY"}}
	for _, row := range rows {
		lines = append(lines, []string{word(row.Kind), row.FQDN, row.RefID1, when(row.Created), row.UserName, row.ID, row.Why})
	}
	return t.list(lines)
}

// word is a kind for a person.
func word(k usage.Kind) string { return strings.ReplaceAll(string(k), "_", " ") }

type reportJSON struct {
	Registration registrationJSON   `json:"registration_token"`
	Counts       map[usage.Kind]int `json:"counts"`
	Findings     []findingJSON      `json:"findings"`
}

type findingJSON struct {
	authJSON
	Finding usage.Kind `json:"finding"`
	Why     string     `json:"why"`
}

func findingsJSON(rows []usage.Row) []findingJSON {
	all := make([]findingJSON, 0, len(rows))
	for _, row := range rows {
		all = append(all, findingJSON{authJSONOf(row.AuthToken), row.Kind, row.Why})
	}
	return all
}

var findingColumns = append(slices.Clone(authColumns), "finding", "why")

func writeFindings(w io.Writer, rows []usage.Row) error {
	out := csv.NewWriter(w)
	if err := out.Write(findingColumns); err != nil {
		return err
	}
	for _, row := range rows {
		if err := out.Write(append(authCells(row.AuthToken), string(row.Kind), row.Why)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// plain makes a text fit for a spreadsheet, which would take one that begins so
// for a formula: devices write what stands in it.
func plain(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}

// writePage writes a file for its owner alone, over an earlier one, whole or not at all.
func writePage(name string, p page) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".page-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the cause is err
		}
	}()
	if err = errors.Join(p.write(f), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
