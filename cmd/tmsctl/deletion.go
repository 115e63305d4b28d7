package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

// deletion describes the deletion of one kind of thing.
type deletion struct {
	thing string
	means string // the effect of a deletion, for the question
	short string // the same in a few words
	// warn returns a warning about further tokens that may end, before the question. It
	// is nil if none can end.
	warn   func(ctx context.Context, s *admin.Session, ids []string) string
	remove func(s *admin.Session, ctx context.Context, id string) error
	// resolve finds the thing with an identifier or ID.
	resolve func(ctx context.Context, s *admin.Session, name string) (target, error)
	// others are the columns of its lists that a deletion does not read.
	others []string
	// identifiers returns all that exist.
	identifiers func(context.Context, *admin.Session) ([]target, error)

	// of the command line
	yes, dry    bool
	from        string
	columns     []string // of the file that name a row: id, identifier, or both
	findings    bool     // the file has the column delete
	skipChanged bool
}

// deletion returns the delete command of one kind of thing.
func (t *tool) deletion(d deletion) *cobra.Command {
	c := &cobra.Command{
		Use: "delete NAME... | --from FILE.csv", Short: "Delete: " + d.short,
		Long: `Delete by identifier or ID, or the rows of a CSV file with the columns id and
identifier, or one of them. If several have a name, tmsctl lists them and
deletes nothing: then write id: and the ID. tmsctl asks first.

After an interruption, run the command again with the same file: tmsctl skips
rows that no longer exist. If the file has the column delete, as tmsctl
investigate --csv writes it, tmsctl deletes only the rows with yes.

If an id has another identifier at the service, tmsctl lists all such rows and
deletes nothing. With --skip-changed it skips these rows and deletes the
others.`,
		Example: d.examples(),
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case d.from != "" && len(args) > 0:
				return usagef("--from names the rows to delete; omit the names")
			case d.from == "" && d.skipChanged:
				return usagef("--skip-changed needs --from FILE.csv")
			case d.from == "" && len(args) == 0:
				return usagef("name the %ss to delete by their identifiers or IDs, or a file with --from", d.thing)
			}
			return nil
		},
		RunE: func(c *cobra.Command, ids []string) error { return t.runDeletion(c.Context(), d, ids) },
	}
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&d.dry, "dry-run", false, "print the "+d.thing+"s to delete, and delete nothing")
	c.Flags().StringVar(&d.from, "from", "", "delete the "+d.thing+"s in this CSV `FILE` with the column id, identifier, or both")
	c.Flags().BoolVar(&d.skipChanged, "skip-changed", false, "with --from: skip rows with another identifier at the service, and delete the others")
	return c
}

func (d deletion) examples() string {
	command := "  tmsctl " + strings.ReplaceAll(d.thing, " ", "-") + " delete "
	return command + "id:4711\n" + command + "--from tokens.csv --dry-run\n" + command + "--from tokens.csv --skip-changed"
}

// read reads the file, without a name no rows. It needs the column id or identifier.
func (d *deletion) read(say func(string, ...any)) ([]csvRow, error) {
	if d.from == "" {
		return nil, nil
	}
	var first error
	for _, needed := range [][]string{{"id", "identifier"}, {"id"}, {"identifier"}} {
		rows, err := readCSV(d.from, csvColumns{needed: needed, optional: []string{deleteColumn}, others: d.others, refuse: d.refuseColumns})
		if _, missing := errors.AsType[*missingColumnError](err); !missing {
			d.columns = needed
			if err == nil && len(rows) == 0 && !d.findings {
				say("tmsctl: warning: --from %s: the file has no rows; nothing is deleted\n", d.from)
			}
			return rows, err
		}
		first = cmp.Or(first, err)
	}
	return nil, first
}

// refuseColumns refuses a file that is no list of things to delete. Its rows may be the ones
// to keep.
func (d *deletion) refuseColumns(columns, unknown []string) error {
	has := func(column string) bool { return slices.Contains(columns, column) }
	d.findings = has(deleteColumn)
	switch {
	case has("outcome"):
		return errors.New("is a ledger export (column outcome), which has the auth tokens in use: give the output of tmsctl investigate REGISTRATION-TOKEN --csv")
	case len(unknown) > 0 && d.thing != "auth token" && has("fqdn"):
		return errors.New("is a list of auth tokens: tmsctl auth-token delete --from " + d.from)
	case len(unknown) > 0 && d.thing != "registration token" && has("count"):
		return errors.New("is a list of registration tokens: tmsctl registration-token delete --from " + d.from)
	case len(unknown) > 0:
		return fmt.Errorf("column %q is unknown: a list to delete has the columns id, identifier and delete. Rename the column, or remove it", terminal.Printable(unknown[0]))
	case has("finding") && !d.findings:
		return fmt.Errorf("has findings, and has no column %s with yes or no: make the file again with tmsctl investigate REGISTRATION-TOKEN --csv", deleteColumn)
	}
	return nil
}

// runDeletion deletes the named things, or the rows of a file that the service still has.
func (t *tool) runDeletion(ctx context.Context, d deletion, names []string) error {
	rows, err := d.read(t.say)
	if err != nil {
		return usagef("--from %v", err)
	}
	if !d.yes && !d.dry && !t.terminal {
		return t.confirm(ctx, "", "") // fails before the login
	}
	return t.asAdministrator(ctx, func(s *admin.Session) error {
		all, gone, err := t.targets(ctx, s, d, rows, names)
		if err != nil {
			return err
		}
		if d.warn != nil && len(all) > 0 && (d.dry || !d.yes) {
			t.say("%s", d.warn(ctx, s, ids(all)))
		}
		if d.dry {
			return t.printDeleted(d, all, gone)
		}
		if err := t.confirmDeletion(ctx, d, all, gone); err != nil {
			return err
		}
		return t.delete(ctx, s, d, all, gone)
	})
}

// targets returns the things to delete. If one name or row is not clear, it returns only an
// error, and nothing is deleted.
func (t *tool) targets(ctx context.Context, s *admin.Session, d deletion, rows []csvRow, names []string) (all []target, gone int, err error) {
	if d.from != "" {
		there, err := d.identifiers(ctx, s)
		if err != nil {
			return nil, 0, err
		}
		return t.choose(d, rows, there)
	}
	var unclear []error
	for _, name := range names {
		g, err := d.resolve(ctx, s, name)
		switch {
		case err != nil:
			unclear = append(unclear, err)
		case !slices.Contains(all, g):
			all = append(all, g)
		}
	}
	if len(unclear) > 0 && len(names) > 1 {
		unclear = append(unclear, errors.New("nothing was deleted"))
	}
	return all, 0, errors.Join(unclear...)
}

// mostAsked is how many things the question lists.
const mostAsked = 10

func (t *tool) confirmDeletion(ctx context.Context, d deletion, all []target, gone int) error {
	if d.yes || len(all) == 0 {
		return nil
	}
	for _, g := range all[:min(len(all), mostAsked)] {
		t.say("%s %s\n", d.thing, g)
	}
	if more := len(all) - mostAsked; more > 0 {
		t.say("and %d more\n", more)
	}
	more := ""
	if gone > 0 {
		more = fmt.Sprintf(" The service does not have %d more of the file.", gone)
	}
	return t.confirm(ctx, fmt.Sprintf("Delete %s on %s?%s %s.", counted(len(all), d.thing), t.host, more, d.means), "nothing was deleted")
}

// choose returns the rows of a file that exist at the service, and the number of those that
// are gone. If the id and the identifier of a row do not match, or if several have the
// identifier, it returns an error that lists all such rows. With skipChanged it reports and
// skips those that do not match.
func (t *tool) choose(d deletion, rows []csvRow, there []target) (all []target, gone int, err error) {
	var unclear, changed []string
	seen := map[target]bool{}
	index := newTargetIndex(there)
	for _, row := range rows {
		wanted, err := row.toDelete()
		found, odd := d.inList(row, index)
		at := fmt.Sprintf("%s:%d: ", d.from, row.line)
		switch {
		case err != nil:
			unclear = append(unclear, at+err.Error())
		case !wanted:
		case row.text("id") == "" && row.text("identifier") == "":
			unclear = append(unclear, at+"names no "+d.thing+": its id and identifier are empty")
		case len(found) > 1:
			unclear = append(unclear, fmt.Sprintf("%s%q names %d %ss, with the IDs %s; use the column id", at, row.text("identifier"), len(found), d.thing, tableCell(strings.Join(ids(found), ", "))))
		case odd != "":
			changed = append(changed, at+odd)
		case len(found) == 0:
			gone++ // a finding without an auth token, or one that was deleted before
		case !seen[found[0]]:
			seen[found[0]] = true
			all = append(all, found[0])
		}
	}
	if len(unclear) > 0 || len(changed) > 0 && !d.skipChanged {
		return nil, 0, d.refuse(unclear, changed)
	}
	for _, text := range changed {
		t.say("tmsctl: warning: skipped: %s\n", text)
	}
	return all, gone, nil
}

// inList returns the things that a row names, or how its id and identifier do not match.
func (d deletion) inList(row csvRow, there targetIndex) (found []target, odd string) {
	id, identifier := strings.TrimPrefix(row.text("id"), idPrefix), row.text("identifier")
	if id == "" { // the cell identifier may be either
		return there.named(identifier), ""
	}
	g, ok := there.byID[id]
	others := there.byIdentifier[identifier]
	switch {
	case ok && slices.Contains(d.columns, "identifier") && !row.names(g.identifier):
		return nil, fmt.Sprintf("%s %s has the identifier %q at the service, not %q%s", d.thing, id, g.identifier, identifier, rewritten(identifier, g.identifier))
	case ok:
		return []target{g}, ""
	case identifier != "" && len(others) > 0:
		return nil, fmt.Sprintf("no %s has the id %q; %q has the id %s%s", d.thing, id, identifier, tableCell(others[0].id), rewritten(id, others[0].id))
	}
	return nil, ""
}

// refuse lists all rows that stop the command.
func (d deletion) refuse(unclear, changed []string) error {
	text := strings.Join(slices.Concat(unclear, changed), "\n  ")
	next := ""
	if len(changed) > 0 {
		next = "\nA spreadsheet may have changed the file, or it is from another tenant. Export it again, or correct these rows. To delete only the other rows, add --skip-changed"
	}
	return usagef("--from: nothing was deleted: %s:\n  %s%s", counted(len(unclear)+len(changed), "row")+" cannot be used", text, next)
}

// rewritten says that a spreadsheet took a text for a number.
func rewritten(cell, original string) string {
	n, err := strconv.ParseFloat(strings.Replace(strings.TrimPrefix(cell, "'"), ",", ".", 1), 64)
	was, wasErr := strconv.ParseFloat(original, 64)
	if err != nil || wasErr != nil || math.Abs(n-was) > math.Abs(was)/100 {
		return ""
	}
	return " (a spreadsheet wrote it as a number)"
}

// deleteColumn is the column of investigate --csv that selects the rows to delete.
const deleteColumn = "delete"

// toDelete reports whether to delete a row. In a file without the column, every row
// counts.
func (r csvRow) toDelete() (bool, error) {
	cell, ok := r.cells[deleteColumn]
	if !ok {
		return true, nil
	}
	yes, err := yesOrNo(strings.TrimSpace(cell))
	if err != nil {
		err = fmt.Errorf("%s %w", deleteColumn, err)
	}
	return yes, err
}

// delete deletes one after the other. It prints the deleted ones also after an error.
func (t *tool) delete(ctx context.Context, s *admin.Session, d deletion, all []target, gone int) error {
	var deleted []target
	progress := t.progress(d.thing+"s deleted", len(all))
	for i, g := range all {
		err := d.remove(s, ctx, g.id)
		if f, ok := errors.AsType[*tms.Failure](err); ok && d.from != "" && f.Status == http.StatusNotFound {
			gone++ // somebody else was faster
			continue
		}
		if err != nil {
			progress.end()
			left := ""
			if rest := len(all) - i - 1; rest > 0 {
				left = fmt.Sprintf("; %d deleted before, %d not tried", len(deleted), rest)
			}
			if d.from != "" {
				left += "; repeat the command to delete the others"
			}
			return errors.Join(fmt.Errorf("%s %q: %w%s", d.thing, g.id, err, left), t.printDeleted(d, deleted, gone))
		}
		deleted = append(deleted, g)
		if d.from != "" {
			progress.step()
		} else if !t.flags.json {
			if err := t.printf("deleted %s %s\n", d.thing, g); err != nil {
				return err
			}
		}
	}
	progress.end()
	return t.printDeleted(d, deleted, gone)
}

// printDeleted prints the deleted rows, or those that would be deleted.
func (t *tool) printDeleted(d deletion, all []target, gone int) error {
	did, sum := "deleted", "deleted "+counted(len(all), d.thing)+"; "+plural(gone, "was not there", "were not there")+"\n"
	if d.dry {
		did, sum = "would_delete", counted(len(all), d.thing)+"; "+plural(gone, "is not there", "are not there")+"\n"
	}
	if t.flags.json {
		return t.printJSON(map[string]any{did: append([]string{}, ids(all)...), "gone": gone})
	}
	if d.dry {
		for _, g := range all {
			if err := t.printf("would delete %s %s\n", d.thing, g); err != nil {
				return err
			}
		}
	}
	if d.from == "" { // the list was not read, or each row was printed
		return nil
	}
	return t.printf("%s", sum)
}

// counted returns a number of things.
func counted(n int, thing string) string { return plural(n, thing, thing+"s") }

// plural returns a number and the words that agree with it.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
