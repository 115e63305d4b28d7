package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/platform/files"
	"regent/platform/page"
)

// investigateFlags is the flags of investigate.
type investigateFlags struct {
	ledgers, devices, html string
	csv, all               bool

	with investigated // not a flag
}

// shown is how many findings a table on the screen has at most.
const shown = 50

const investigateHelp = `Find out who used the counts of a registration token, named by its identifier
or ID.

tmsctl compares the service's list of auth tokens with:
  --ledgers DIR   exports of devices, a file for each. On each device, as
                  administrator: regent ledger --csv >$(hostname).csv
  --devices FILE  your inventory as CSV: fqdn[,user][,retired]; fqdn and user
                  are the host and system user as the service shows them;
                  retired is yes or no
Without them tmsctl finds only duplicates and copied disks.

auth-token delete --from takes the output of --csv. It deletes the rows with
yes in the column delete. The column says no if:
- a ledger confirms the auth token, unless the inventory says that the device
  is retired
- an installation without a ledger here may have redeemed it
- the ledger of its device may be older than it, or its redemption was under
  way during the export: export that ledger again
- its host has no ledger here, and you gave no inventory
For a row with no, get that ledger, or write yes yourself.

Each auth token has one of these results. Two results are for redemptions
without an auth token at the service: missing at service, and no count used.
The result expected needs no step. Some next steps read findings.csv. This
command makes it:

  tmsctl investigate NAME --ledgers ledgers --csv >findings.csv

`

func (t *tool) investigate() *cobra.Command {
	var o investigateFlags
	c := &cobra.Command{
		Use: "investigate NAME", Short: "Find out who used the counts of a registration token",
		Args: oneArgument("registration token"),
		Example: `  tmsctl investigate hq --ledgers ledgers --devices pcs.csv
  tmsctl investigate hq --ledgers ledgers --devices pcs.csv --csv >findings.csv
  tmsctl auth-token delete --from findings.csv --dry-run`,
		Long: investigateHelp + strings.TrimSuffix(legendText{Meanings: usage.Meanings()}.text(helpWidth), "\n"),
		RunE: func(c *cobra.Command, args []string) error {
			if o.csv && t.flags.json {
				return usagef("--csv and --json exclude each other")
			}
			o.with = newInvestigated(c, args[0], o)
			return t.runInvestigation(c.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.ledgers, "ledgers", "", "`DIR` of ledger exports, *.csv")
	f.StringVar(&o.devices, "devices", "", "`FILE` with the inventory")
	f.BoolVar(&o.csv, "csv", false, "print the findings as CSV")
	f.BoolVar(&o.all, "all", false, "with --csv or --json: expected auth tokens too")
	f.StringVar(&o.html, "html", "", "write a page with a chart of each finding to this `FILE`, readable by you only")
	return c
}

func (t *tool) runInvestigation(ctx context.Context, name string, o investigateFlags) error {
	in, err := o.read(t.say)
	if err != nil {
		return err
	}
	return t.asAdministrator(ctx, func(s *admin.Session) error {
		r, err := t.find(ctx, s, "", name)
		if err != nil {
			return err
		}
		if in.Tokens, err = s.AuthTokens(ctx, admin.AuthFilter{Registration: r.Identifier, RegistrationID: r.ID, Unassigned: true}); err != nil {
			return err
		}
		if in.Missing() { // perhaps of another registration token
			if in.Others, err = s.AuthTokens(ctx, admin.AuthFilter{}); err != nil {
				return err
			}
		}
		if n := unplaced(in.Tokens); n > 0 {
			t.say("tmsctl: warning: %s: the service does not show the registration token, which may be another one. None is proposed for deletion\n", counted(n, "auth token"))
		}
		return t.report(r, usage.Investigate(in), o)
	})
}

// unplaced is how many auth tokens do not show their registration token.
func unplaced(list []admin.AuthToken) (n int) {
	for _, a := range list {
		if a.Registration == "" {
			n++
		}
	}
	return n
}

// read reads the ledgers and the inventory, before the first request. say reports the
// columns that are not read.
func (o investigateFlags) read(say func(string, ...any)) (usage.Input, error) {
	var in usage.Input
	if err := page.CheckFile(o.html); err != nil {
		return in, usagef("--html %s: %v", o.html, err)
	}
	if o.ledgers != "" {
		names, err := ledgersIn(o.ledgers)
		if err != nil {
			return in, usagef("--ledgers %v", err)
		}
		for _, name := range names {
			entries, err := readLedger(filepath.Join(o.ledgers, name), say)
			if err != nil {
				return in, usagef("--ledgers: %v", err)
			}
			in.Entries = append(in.Entries, entries...)
		}
		if len(in.Entries) == 0 {
			say("tmsctl: warning: --ledgers %s: the ledgers have no redemption, so tmsctl compares nothing with them. Export them again: regent ledger --csv\n", o.ledgers)
		}
	}
	var err error
	if o.devices != "" {
		in.Devices, err = readInventory(o.devices, say)
		if err == nil && len(in.Devices) == 0 {
			say("tmsctl: warning: --devices %s: the inventory has no row. Below the header, write a row for each host\n", o.devices)
		}
	}
	return in, err
}

// refuseLedger refuses a ledger export as the inventory: the hosts that are not in it would
// be unexpected.
func refuseLedger(columns, _ []string) error {
	if slices.Contains(columns, "outcome") {
		return errors.New("is a ledger export (column outcome): give the inventory here, and the ledgers with --ledgers DIR")
	}
	return nil
}

// readInventory reads the administrator's devices. A host may be there twice only with the
// same values: else it is not known which ones count.
func readInventory(name string, say func(string, ...any)) (devices []usage.Device, err error) {
	rows, err := readCSV(name, csvColumns{needed: []string{"fqdn"}, optional: []string{"user", "retired"}, say: say, refuse: refuseLedger})
	if err != nil {
		return nil, usagef("--devices: %v", err)
	}
	first := map[string]int{} // the row of a host
	for i, row := range rows {
		retired, err := yesOrNo(row.text("retired"))
		if err != nil {
			return nil, usagef("--devices %s:%d: retired %v", name, row.line, err)
		}
		d := usage.Device{FQDN: row.text("fqdn"), User: row.text("user"), Retired: retired}
		host := usage.Host(d.FQDN)
		if host == "" {
			return nil, usagef("--devices %s:%d: fqdn is empty: write the host name, or remove the row", name, row.line)
		}
		if at, twice := first[host]; !twice {
			first[host] = i
		} else if old := devices[at]; old.User != d.User || old.Retired != d.Retired {
			return nil, usagef("--devices %s:%d: the host %s is also in line %d, with other values: remove one row", name, row.line, host, rows[at].line)
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// ledgersIn lists the files *.csv of a directory. The path is not a pattern, so it may
// contain a bracket.
func ledgersIn(dir string) ([]string, error) {
	names, err := fs.Glob(os.DirFS(dir), "*.[cC][sS][vV]")
	if err == nil && len(names) == 0 {
		if info, fault := os.Stat(dir); fault != nil {
			return nil, fmt.Errorf("%s: %w", dir, withoutPath(fault))
		} else if !info.IsDir() {
			return nil, fmt.Errorf("%s: not a directory: name the directory of the ledgers", dir)
		}
		err = fmt.Errorf("%s: contains no *.csv", dir)
	}
	return names, err
}

// yesOrNo reads a cell of a column that is yes or no; empty is no.
func yesOrNo(cell string) (bool, error) {
	switch strings.ToLower(cell) {
	case "yes", "true", "1", "y":
		return true, nil
	case "", "no", "false", "0", "n":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither yes nor no", cell)
}

// outcomes are the words that regent ledger --csv writes.
var outcomes = []string{"intent", "confirmed", "refused", "unused", "uncertain", "forgotten", "resolved_consumed", "resolved_not_consumed"}

func readLedger(name string, say func(string, ...any)) ([]usage.Entry, error) {
	rows, err := readCSV(name, csvColumns{
		needed: []string{"identifier", "outcome"}, optional: []string{"fqdn", "system_user_name", "mac_address", "ref_id_1", "ref_id_2", "creation_date", "id", "exported"},
		others: []string{"code", "http_status", "words"}, say: say,
	})
	if err != nil {
		return nil, err
	}
	entries := make([]usage.Entry, 0, len(rows))
	for _, row := range rows {
		switch outcome := row.text("outcome"); {
		case !slices.Contains(outcomes, outcome):
			return nil, fmt.Errorf("%s:%d: outcome %q is unknown; the file may be cut short: export it again with regent ledger --csv, or install a newer tmsctl", name, row.line, outcome)
		case row.text("identifier") == "":
			return nil, fmt.Errorf("%s:%d: identifier is empty: export the file again with regent ledger --csv", name, row.line)
		}
		began, err := csvTime(row.text("creation_date"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: creation_date %w", name, row.line, err)
		}
		exported, err := csvTime(row.text("exported"))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: exported %w", name, row.line, err)
		}
		entries = append(entries, usage.Entry{Outcome: row.text("outcome"), Exported: exported, AuthToken: admin.AuthToken{
			ID: row.text("id"), Identifier: row.text("identifier"), FQDN: row.text("fqdn"), UserName: row.text("system_user_name"),
			MAC: row.text("mac_address"), RefID1: row.text("ref_id_1"), RefID2: row.text("ref_id_2"), Created: began,
		}})
	}
	return entries, nil
}

// csvTime reads a time as regent writes it, or a spreadsheet after it. Without a
// zone it is UTC. An empty cell is the zero time, which is before any other.
func csvTime(cell string) (time.Time, error) {
	if cell == "" {
		return time.Time{}, nil
	}
	if at := tms.ParseTime(cell); !at.IsZero() {
		return at.UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-11-29T08:00:00Z; a spreadsheet may have changed it: export the file again with regent ledger --csv", cell)
}

func (t *tool) report(r admin.RegistrationToken, report usage.Report, o investigateFlags) error {
	rows := report.Anomalies()
	if o.all {
		rows = report.Rows
	}
	if o.html != "" {
		var b bytes.Buffer
		if err := page.Write(&b, pageText, newPage(r, report, t.now(), o.with)); err != nil {
			return err
		}
		if err := files.Write(o.html, b.Bytes(), 0o600); err != nil {
			return fmt.Errorf("--html: %w", err)
		}
		t.say("wrote %s\n", o.html)
	}
	switch {
	case t.flags.json:
		return t.printJSON(object{{"registration_token", registrationMembers(r, t.now(), false, "")}, {"counts", report.Counts}, {"findings", objects(rows, findingMembers)}})
	case o.csv:
		return writeCSV(t.out, rows, findingMembers)
	}
	return t.printReport(r, report, rows, o.with)
}

// reportHead returns the lines about the registration token.
func reportHead(r admin.RegistrationToken, report usage.Report, now time.Time) string {
	listed := 0
	for _, row := range report.Rows {
		if row.ID != "" {
			listed++
		}
	}
	deleted := "how many were deleted is not known: the service does not tell how many counts are used"
	if r.UsedKnown {
		deleted = plural(max(0, r.Used-listed), "was deleted", "were deleted")
	}
	return fmt.Sprintf("%s: %s counts used, %s, last day %s\n%s; %s\n\n",
		tableCell(r.Identifier), usedOf(r), r.Usability(now), expiresText(r, now), plural(listed, "auth token exists", "auth tokens exist"), deleted)
}

func (t *tool) printReport(r admin.RegistrationToken, report usage.Report, rows []usage.Row, with investigated) error {
	text := reportHead(r, report, t.now())
	sums := [][]string{{"FINDING", "AUTH TOKENS"}}
	for _, kind := range usage.Kinds() {
		if n := report.Counts[kind]; n > 0 {
			sums = append(sums, []string{word(kind), fmt.Sprint(n)})
		}
	}
	if len(sums) > 1 {
		text += columns(sums)
	} else {
		text += "There is no auth token to compare.\n"
	}
	lines := [][]string{{"FINDING", "FQDN", "REF ID 1", "CREATED", "USER", "DELETE", "ID", "WHY"}}
	for _, row := range rows[:min(len(rows), shown)] {
		lines = append(lines, []string{word(row.Kind), row.FQDN, row.RefID1, timeText(row.Created), row.UserName, yesNo(row.Delete), row.ID, row.Why})
	}
	if len(rows) > 0 {
		text += "\n" + t.table(lines)
	}
	if len(rows) > shown {
		text += fmt.Sprintf("and %d more: --csv or --html has all\n", len(rows)-shown)
	}
	l := with.legend(report)
	if l.Findings != "" {
		text += "\nThis command makes findings.csv for the next steps:\n\n  " + l.Findings + "\n"
	}
	if len(l.Meanings) > 0 {
		text += "\nMeaning of the findings:\n\n" + l.text(t.width)
	}
	return t.printf("%s", text)
}

// findingMembers is a finding for scripts. auth-token delete --from accepts its CSV.
func findingMembers(row usage.Row) object {
	return append(authMembers(row.AuthToken), members(
		"finding", row.Kind,
		"why", row.Why,
		deleteColumn, row.Delete, // it is proposed for deletion
	)...)
}
