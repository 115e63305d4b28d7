package main

import (
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
	"regent/agent/tms/admin/usage"
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
	// identifiers returns the identifier of each existing id.
	identifiers func(context.Context, *admin.Session) (map[string]string, error)

	// of the command line
	yes, dry    bool
	from        string
	skipChanged bool
}

// deletion returns the delete command of one kind of thing.
func (t *tool) deletion(d deletion) *cobra.Command {
	c := &cobra.Command{
		Use: "delete ID... | --from FILE.csv", Short: "Delete by id: " + d.short,
		Long: `Delete by id, or the rows of a CSV file with the columns id and identifier.
tmsctl asks first. After an interruption, run the command again with the same
file: a row that is gone already is no error. If the file has the column
delete, as tmsctl investigate --csv writes it, tmsctl deletes only the rows
with yes.

If an id has another identifier at the service, tmsctl lists all such rows and
deletes nothing. With --skip-changed it skips these rows and deletes the
others.`,
		Example: d.examples(),
		Args: func(c *cobra.Command, args []string) error {
			switch {
			case d.from != "" && len(args) > 0:
				return usagef("--from names the rows to delete; omit the ids")
			case d.from == "" && d.skipChanged:
				return usagef("--skip-changed needs --from FILE.csv")
			case d.from == "" && len(args) == 0:
				return usagef("name the %ss to delete by their ids, or a file with --from\nsee %s --help", d.thing, c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, ids []string) error { return t.runDeletion(c.Context(), d, ids) },
	}
	c.Flags().BoolVarP(&d.yes, "yes", "y", false, "do not ask")
	c.Flags().BoolVar(&d.dry, "dry-run", false, "print the "+d.thing+"s to delete, and delete nothing")
	c.Flags().StringVar(&d.from, "from", "", "delete the "+d.thing+"s in this CSV `FILE` with the columns id and identifier")
	c.Flags().BoolVar(&d.skipChanged, "skip-changed", false, "with --from: skip rows with another identifier at the service, and delete the others")
	return c
}

func (d deletion) examples() string {
	command := "  tmsctl " + strings.ReplaceAll(d.thing, " ", "-") + " delete "
	return command + "4711\n" + command + "--from tokens.csv --dry-run"
}

// read reads the file; without one there are no rows.
func (d deletion) read(say func(string, ...any)) ([]csvRow, error) {
	if d.from == "" {
		return nil, nil
	}
	return readCSV(d.from, csvColumns{needed: []string{"id", "identifier"}, optional: []string{deleteColumn}, others: columnsOf(findingMembers(usage.Row{})), say: say})
}

// runDeletion deletes the ids, or the rows of a file that the service still has.
func (t *tool) runDeletion(ctx context.Context, d deletion, ids []string) error {
	rows, err := d.read(t.say)
	if err != nil {
		return usagef("--from %v", err)
	}
	switch {
	case !d.yes && !d.dry && !t.terminal:
		return t.confirm(ctx, "", "") // fails before the login
	case d.dry && d.from == "": // the service is not asked
		if d.warn != nil {
			t.say("%s", dependentsWarning())
		}
		return t.printDeleted(d, ids, 0)
	}
	return t.asAdministrator(ctx, func(s *admin.Session) error {
		gone := 0
		if d.from != "" {
			there, err := d.identifiers(ctx, s)
			if err != nil {
				return err
			}
			if ids, gone, err = t.choose(d, rows, there); err != nil {
				return err
			}
		}
		if d.warn != nil && len(ids) > 0 && (d.dry || !d.yes) {
			t.say("%s", d.warn(ctx, s, ids))
		}
		if d.dry {
			return t.printDeleted(d, ids, gone)
		}
		if err := t.confirmDeletion(ctx, d, len(ids), gone); err != nil {
			return err
		}
		return t.delete(ctx, s, d, ids, gone)
	})
}

func (t *tool) confirmDeletion(ctx context.Context, d deletion, n, gone int) error {
	if d.yes || n == 0 {
		return nil
	}
	more := ""
	if gone > 0 {
		more = fmt.Sprintf(" %d more of the file are not there.", gone)
	}
	return t.confirm(ctx, fmt.Sprintf("Delete %s on %s?%s %s.", counted(n, d.thing), t.host, more, d.means), "nothing was deleted")
}

// choose returns the ids of a file that exist at the service, and the number of those
// that are gone. If the id and the identifier of a row do not match, it returns an
// error that lists all such rows. With skipChanged it reports and skips them.
func (t *tool) choose(d deletion, rows []csvRow, there map[string]string) (ids []string, gone int, err error) {
	idOf := make(map[string]string, len(there))
	for id, identifier := range there {
		idOf[strings.TrimSpace(csvCell(identifier))] = id
	}
	var unclear, changed []string
	seen := map[string]bool{}
	for _, row := range rows {
		id := row.text("id")
		identifier, ok := there[id]
		wanted, err := row.toDelete()
		other, elsewhere := idOf[strings.TrimSpace(csvCell(row.text("identifier")))]
		switch {
		case err != nil:
			unclear = append(unclear, fmt.Sprintf("%s:%d: %v", d.from, row.line, err))
		case !wanted || seen[id]:
		case id != "" && !ok && elsewhere && row.text("identifier") != "":
			changed = append(changed, fmt.Sprintf("%s:%d: no %s has the id %q; %q has the id %s%s", d.from, row.line, d.thing, id, row.text("identifier"), tableCell(other), rewritten(id, other)))
		case id == "" || !ok:
			gone++ // a finding without an auth token, or one that was deleted before
		case !row.names(identifier):
			changed = append(changed, fmt.Sprintf("%s:%d: %s is called %q there, not %q%s", d.from, row.line, id, identifier, row.text("identifier"), rewritten(row.text("identifier"), identifier)))
		default:
			ids = append(ids, id)
			seen[id] = true
		}
	}
	if len(unclear) > 0 || len(changed) > 0 && !d.skipChanged {
		return nil, 0, d.refuse(unclear, changed)
	}
	for _, text := range changed {
		t.say("tmsctl: warning: skipped: %s\n", text)
	}
	return ids, gone, nil
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

// delete deletes one id after the other. It prints the deleted ones also after an error.
func (t *tool) delete(ctx context.Context, s *admin.Session, d deletion, ids []string, gone int) error {
	var deleted []string
	progress := t.progress(d.thing+"s deleted", len(ids))
	for i, id := range ids {
		err := d.remove(s, ctx, id)
		if f, ok := errors.AsType[*tms.Failure](err); ok && d.from != "" && f.Status == http.StatusNotFound {
			gone++ // somebody else was faster
			continue
		}
		if err != nil {
			progress.end()
			left := ""
			if rest := len(ids) - i - 1; rest > 0 {
				left = fmt.Sprintf("; %d deleted before, %d not tried", len(deleted), rest)
			}
			if d.from != "" {
				left += "; repeat the command to delete the others"
			}
			return errors.Join(fmt.Errorf("%s %q: %w%s", d.thing, id, err, left), t.printDeleted(d, deleted, gone))
		}
		deleted = append(deleted, id)
		if d.from != "" {
			progress.step()
		} else if !t.flags.json {
			if err := t.printf("deleted %s %s\n", d.thing, tableCell(id)); err != nil {
				return err
			}
		}
	}
	progress.end()
	return t.printDeleted(d, deleted, gone)
}

// printDeleted prints the deleted rows, or those that would be deleted.
func (t *tool) printDeleted(d deletion, ids []string, gone int) error {
	did, sum := "deleted", "deleted %s; %d were not there\n"
	if d.dry {
		did, sum = "would_delete", "%s; %d are not there\n"
	}
	if t.flags.json {
		return t.printJSON(map[string]any{did: append([]string{}, ids...), "gone": gone})
	}
	if d.dry {
		for _, id := range ids {
			if err := t.printf("would delete %s %s\n", d.thing, tableCell(id)); err != nil {
				return err
			}
		}
	}
	if d.from == "" { // the list was not read, or each row was printed
		return nil
	}
	return t.printf(sum, counted(len(ids), d.thing), gone)
}

// identifiersByID returns the identifier of each thing by its id.
func identifiersByID[T any](list []T, names func(T) (id, identifier string)) map[string]string {
	there := make(map[string]string, len(list))
	for _, one := range list {
		id, identifier := names(one)
		there[id] = identifier
	}
	return there
}

func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
