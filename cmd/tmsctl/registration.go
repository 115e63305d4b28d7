package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/suggest"
	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/agent/token"
	"regent/cmd/completion"
)

func (t *tool) registrationToken() *cobra.Command {
	return group("registration-token", "Create, list, change and delete registration tokens",
		t.registrationCreate(), t.registrationList(), t.registrationShow(),
		t.registrationExtend(), t.registrationRaise(), t.registrationEnable(true), t.registrationEnable(false),
		t.registrationDelete())
}

func (t *tool) registrationList() *cobra.Command {
	var filter admin.RegistrationFilter
	var status, metrics string
	var asCSV bool
	c := &cobra.Command{
		Use: "list", Short: "List registration tokens, with the remaining counts", Args: noArguments,
		Example: `  tmsctl registration-token list --status usable
  tmsctl registration-token list --identifier berlin --json
  tmsctl registration-token list --status expired --csv >expired.csv
  tmsctl registration-token list --metrics-textfile counts.prom`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := cmp.Or(checkStatus(status), t.checkMetricsFlags(c, metrics)); err != nil {
				return err
			}
			return t.asAdministrator(c.Context(), func(s *admin.Session) error {
				list, err := s.RegistrationTokens(c.Context(), filter)
				if err := t.listed(err); err != nil {
					return err
				}
				other := func(r admin.RegistrationToken) bool { return status != "" && string(r.Usability(s.Now())) != status }
				list = slices.DeleteFunc(list, other)
				switch {
				case metrics != "":
					return t.writeCountMetrics(metrics, list)
				case asCSV:
					return t.writeRegistrationCSV(list)
				}
				return t.printRegistrations(list)
			})
		},
	}
	c.Flags().StringVar(&metrics, "metrics-textfile", "", "write the counts of all registration tokens into this `FILE` for Prometheus' textfile collector, and print no list")
	c.Flags().StringVar(&filter.Identifier, "identifier", "", "only those with this `IDENTIFIER`")
	c.Flags().StringVar(&filter.RefID1, "ref-id-1", "", "only those with this `TEXT` as reference 1")
	c.Flags().StringVar(&filter.RefID2, "ref-id-2", "", "only those with this `TEXT` as reference 2")
	c.Flags().StringVar(&status, "status", "", "only those with this `STATUS`, one of: "+statusList())
	c.Flags().BoolVar(&asCSV, "csv", false, "print CSV, as registration-token delete --from takes it")
	completion.Flag(c, "status", cobra.FixedCompletions(statusWords(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// checkStatus refuses a value of --status that is no [admin.Usability].
func checkStatus(status string) error {
	if status == "" || slices.Contains(admin.Usabilities(), admin.Usability(status)) {
		return nil
	}
	return usagef("--status %q: write one of %s%s", status, statusList(), suggest.DidYouMean(status, statusWords()))
}

func (t *tool) writeRegistrationCSV(list []admin.RegistrationToken) error {
	prints := t.fingerprintsOf(list)
	return writeCSV(t.out, list, func(r admin.RegistrationToken) object { return registrationMembers(r, t.now(), false, prints[r.ID]) })
}

// statusList names the values of --status as a command line has them.
func statusList() string {
	return strings.ReplaceAll(strings.Join(statusWords(), ", "), "used up", `"used up"`)
}

func statusWords() (words []string) {
	for _, u := range admin.Usabilities() {
		words = append(words, string(u))
	}
	return words
}

func (t *tool) registrationShow() *cobra.Command {
	var withToken bool
	c := &cobra.Command{
		Use: "show NAME", Short: "Show one registration token", Args: oneArgument("registration token"),
		Long: "Show one registration token.\n\n" + nameHelp,
		Example: `  tmsctl registration-token show berlin
  tmsctl registration-token show id:4711`,
		RunE: t.session(func(ctx context.Context, s *admin.Session, args []string) error {
			r, err := t.registration(ctx, s, "", args[0])
			if err != nil {
				return err
			}
			return t.printRegistration(r, withToken)
		}),
	}
	c.Flags().BoolVar(&withToken, "reveal", false, "print the token itself too")
	return c
}

func (t *tool) registrationDelete() *cobra.Command {
	return t.deletion(deletion{
		thing: "registration token", means: "Unused counts are lost, and its auth tokens may end too", short: "its auth tokens may end too",
		others: columnsOf(registrationMembers(admin.RegistrationToken{}, time.Time{}, false, "")),
		warn: func(ctx context.Context, s *admin.Session, ids []string) string {
			var all []admin.RegistrationToken
			for _, id := range ids {
				r, _ := s.RegistrationToken(ctx, id) // the deletion says an error
				all = append(all, r)
			}
			return dependentsWarning(all...)
		},
		resolve: func(ctx context.Context, s *admin.Session, name string) (target, error) {
			r, err := resolve(ctx, t, s, t.registrations(), "", name)
			return target{r.ID, r.Identifier}, err
		},
		remove: (*admin.Session).DeleteRegistrationToken,
		identifiers: func(ctx context.Context, s *admin.Session) ([]target, error) {
			list, err := s.RegistrationTokens(ctx, admin.RegistrationFilter{})
			return targetsOf(list, t.registrations().names), err
		},
	})
}

// dependentsWarning warns that auth tokens may end with registration tokens. Without a
// number, it is not known how many auth tokens they have.
func dependentsWarning(all ...admin.RegistrationToken) string {
	made, known := 0, len(all) > 0
	for _, r := range all {
		made, known = made+r.Used, known && r.UsedKnown
	}
	number := "auth tokens that were made from it"
	switch {
	case known && made == 0:
		return ""
	case known && made == 1:
		number = "the auth token that was made from it"
	case known:
		number = fmt.Sprintf("the %d auth tokens that were made from it", made)
	}
	return "warning: " + number + " may end with it. Devices then cannot refresh them.\n" +
		"Nobody has tested this with a real tenant. tmsctl trial tests it.\n"
}

// registrationHead are the columns of a list, and the lines of one registration token.
var registrationHead = []string{"ID", "IDENTIFIER", "USED", "STATUS", "EXPIRES", "CUSTOMER", "REF ID 1", "REF ID 2", "CREATED", "FINGERPRINT"}

func registrationCells(r admin.RegistrationToken, now time.Time, used, fingerprint string) []string {
	return []string{r.ID, r.Identifier, used, string(r.Usability(now)), expiresText(r, now), r.Customer, r.RefID1, r.RefID2, timeText(r.Created), fingerprint}
}

func (t *tool) printRegistrations(list []admin.RegistrationToken) error {
	now := t.now()
	prints := t.fingerprintsOf(list)
	toJSON := func(r admin.RegistrationToken) object { return registrationMembers(r, now, false, prints[r.ID]) }
	return printList(t, "registration tokens", list, toJSON, registrationHead, func(r admin.RegistrationToken) []string {
		if r.Flaw != "" {
			t.say("tmsctl: note: %s %s cannot be read whole: %s\n", tableCell(r.ID), tableCell(r.Identifier), r.Flaw)
		}
		return registrationCells(r, now, usedOf(r), prints[r.ID])
	})
}

func (t *tool) printRegistration(r admin.RegistrationToken, withToken bool) error {
	now := t.now()
	t.warnUnusualToken(r)
	fingerprint := t.fingerprint(r)
	if t.flags.json {
		return t.printJSON(registrationMembers(r, now, withToken, fingerprint))
	}
	used := usedOf(r)
	if !r.UsedKnown && r.Flaw == "" {
		used += " (used: the service does not show it)"
	}
	var rows [][]string
	for i, cell := range registrationCells(r, now, used, fingerprint) {
		rows = append(rows, []string{strings.ToLower(registrationHead[i]), cell})
	}
	if withToken {
		rows = append(rows, []string{"token", reveal(r.Token)})
	}
	return t.printf("%s", columns(rows))
}

func usedOf(r admin.RegistrationToken) string {
	if r.Flaw != "" {
		return "?"
	}
	return fmt.Sprintf("%s/%d", usedNumber(r), r.Count)
}

// usedNumber is how many counts are used; "-" if the service does not tell it.
func usedNumber(r admin.RegistrationToken) string {
	if !r.UsedKnown {
		return "-"
	}
	return fmt.Sprint(r.Used)
}

// expiresText is the last day of r, or "never" if the service says so.
func expiresText(r admin.RegistrationToken, now time.Time) string {
	if r.Never {
		return "never"
	}
	if r.Ends.IsZero() {
		return expiryText(r.Expires, now)
	}
	text := r.Ends.Format("2006-01-02 15:04")
	switch {
	case admin.HasZone(r.Ends):
		return text + r.Ends.Format(" Z07:00")
	case r.MayHaveExpired(now):
		return text + " (no zone: may have expired)"
	}
	return text + " (no zone)"
}

// registrationMembers is a registration token for scripts. It contains the secret only if
// withToken is set.
func registrationMembers(r admin.RegistrationToken, now time.Time, withToken bool, fingerprint string) object {
	var shown, day string
	var used any // left out where the service does not tell it
	if withToken {
		shown = reveal(r.Token)
	}
	if r.UsedKnown {
		used = r.Used
	}
	if !r.Expires.IsZero() {
		day = r.Expires.Format(time.DateOnly)
	}
	return members(
		"id", r.ID, "identifier", r.Identifier, "token", optional(shown),
		"count", r.Count, "used_count", used,
		"status", r.Usability(now),
		"flaw", optional(r.Flaw), // of one that is unreadable: why
		"service_status", r.Status, // the service's word, which says less
		"expiration_date", optional(day),
		"expiration_time", timeJSON(r.Ends), // if the service shows one
		"ref_id_1", r.RefID1, "ref_id_2", r.RefID2, "customer", r.Customer, "creation_date", timeJSON(r.Created),
		"fingerprint", optional(fingerprint), // as devices show it to administrators
	)
}

// timeJSON writes a time as RFC 3339, without an offset if the service showed
// none: such a time may be up to 14 h off. A date stays a date. The zero time is left out.
func timeJSON(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	switch {
	case t.Location() == tms.NoTime:
		return t.Format(time.DateOnly)
	case !admin.HasZone(t):
		return t.Format("2006-01-02T15:04:05")
	}
	return t.UTC().Format(time.RFC3339)
}

// fingerprintsName is the record of fingerprints, beside the profiles: a line of JSON for
// each registration token. It contains no secret.
const fingerprintsName = "fingerprints.jsonl"

// fingerprintLine is the record of one registration token.
type fingerprintLine struct {
	Tenant      string `json:"tenant"` // host
	ID          string `json:"id"`
	Fingerprint string `json:"fingerprint"`
}

// sameHost returns one spelling of a tenant's host: no capitals, no dot at the end, no default
// port.
func sameHost(host string) string {
	return usage.Host(strings.TrimSuffix(host, ":443"))
}

// mostComputed is how many fingerprints one list computes: each takes a tenth of a second.
const mostComputed = 16

func (t *tool) fingerprintsFile() (string, error) {
	profiles, err := t.profilesFile()
	if err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(profiles), fingerprintsName), nil
}

// readFingerprints returns the fingerprints of the tenant by the ids of their registration
// tokens. It ignores lines that it cannot read.
func (t *tool) readFingerprints() map[string]string {
	if t.prints != nil {
		return t.prints
	}
	t.prints = map[string]string{}
	file, err := t.fingerprintsFile()
	if err != nil { // a system account without a home records none
		return t.prints
	}
	content, err := os.ReadFile(file) //nolint:gosec // the person's own file
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.say("tmsctl: note: cannot read the recorded fingerprints: %v\n", err)
	}
	for line := range bytes.Lines(content) {
		var l fingerprintLine
		if json.Unmarshal(line, &l) == nil && sameHost(l.Tenant) == sameHost(t.host) {
			t.prints[l.ID] = l.Fingerprint
		}
	}
	return t.prints
}

// fingerprint returns the fingerprint of a registration token, as the devices show it; ""
// if the service does not show the token and none was recorded. It records a computed
// fingerprint.
func (t *tool) fingerprint(r admin.RegistrationToken) string {
	if known := t.readFingerprints()[r.ID]; known != "" || r.Token.IsZero() {
		return known
	}
	computed := token.Fingerprint(r.Token)
	t.prints[r.ID] = computed
	if err := t.record(fingerprintLine{sameHost(t.host), r.ID, computed}); err != nil {
		t.say("tmsctl: note: cannot record the fingerprint of %[2]s: %[3]v. Write it down: %[1]s\n", computed, tableCell(r.ID), err)
	}
	return computed
}

// fingerprintsOf returns the fingerprints of a list. If many were never recorded, it
// computes only some of them.
func (t *tool) fingerprintsOf(list []admin.RegistrationToken) map[string]string {
	out := map[string]string{}
	left, skipped := mostComputed, 0
	for _, r := range list {
		isNew := t.readFingerprints()[r.ID] == "" && !r.Token.IsZero()
		if isNew && left == 0 {
			skipped++
			continue
		}
		if isNew {
			left--
		}
		out[r.ID] = t.fingerprint(r)
	}
	if skipped > 0 {
		t.say("tmsctl: note: %s not computed yet. Run the command again, or run: tmsctl registration-token show ID\n", plural(skipped, "fingerprint is", "fingerprints are"))
	}
	return out
}

// record adds a line durably, in one write, since two runs may write at the same time.
func (t *tool) record(l fingerprintLine) error {
	file, err := t.fingerprintsFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	line, err := json.Marshal(l)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the person's own file
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n", line)
	return errors.Join(err, f.Sync(), f.Close())
}

// warnUnusualToken warns if a registration token has an unusual format.
func (t *tool) warnUnusualToken(r admin.RegistrationToken) {
	if why := token.FormatWarning(r.Token); !r.Token.IsZero() && why != "" {
		t.say("tmsctl: warning: registration token %s: %s\n", tableCell(r.ID), why)
	}
}
