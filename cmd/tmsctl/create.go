package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/store"
	"regent/agent/tms/admin"
	"regent/platform/terminal"
)

// createFlags is the flags of registration-token create.
type createFlags struct {
	new     admin.NewRegistrationToken
	expires string
	out     string

	perRecipient, outDir string
	bundle               bundleFlags
	dry                  bool
}

func (t *tool) registrationCreate() *cobra.Command {
	var o createFlags
	c := &cobra.Command{
		Use: "create --count N", Short: "Create a registration token", Args: noArguments,
		Long: `Create a registration token. Its count is the number of auth tokens that it can
create: one for each instance of each application on each device. tmsctl plan
calculates it.

With --per-recipient each line of a CSV file gets a registration token of its
own. You can then see the usage of each recipient, and disable one without the
others. The tokens go into a file for each recipient, or with --bundle into one
encrypted file:

  age --decrypt --identity KEY bundle.age | tar x

The service may show a token only once. tmsctl writes each token to the
disk before it creates the next one. With --bundle it encrypts each token in
the directory BUNDLE.parts. After an interruption, run the command with
--per-recipient again: it creates only the missing tokens.`,
		Example: `  tmsctl registration-token create --count 200 --out token.txt
  tmsctl registration-token create --per-recipient all.csv --identifier q4
  tmsctl registration-token create --per-recipient all.csv --identifier q4 \
    --bundle q4.age --recipients-file keys.txt`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.contradiction(c.Flags().Changed); err != nil {
				return err
			}
			if o.perRecipient != "" {
				return t.createForEach(c.Context(), o)
			}
			return t.create(c.Context(), o)
		},
	}
	o.register(c.Flags())
	return c
}

// contradiction says which flags exclude each other.
func (o *createFlags) contradiction(given func(flag string) bool) error {
	switch b, each := o.bundle, o.perRecipient != ""; {
	case b.file == "" && (b.recipients != "" || b.passphrase != ""):
		return usagef("--recipients-file and --passphrase-file are for --bundle FILE")
	case b.file != "" && !each:
		return usagef("--bundle is for --per-recipient")
	case b.recipients != "" && b.passphrase != "":
		return usagef("--recipients-file excludes --passphrase-file: a bundle opens by keys or by a passphrase")
	case each && o.bundle.file != "" && given("out-dir"):
		return usagef("--bundle and --out-dir exclude each other")
	case each && given("out"):
		return usagef("--per-recipient writes into --out-dir; omit --out")
	case o.out == "-":
		return usagef("--out %q: name a new file, or omit --out to print the token", o.out)
	}
	return nil
}

func (o *createFlags) register(f *pflag.FlagSet) {
	f.IntVar(&o.new.Count, "count", 0, "number of auth tokens that it can create")
	f.StringVar(&o.expires, "expires", "30d", "its last day: a `DATE` such as 2026-12-01, or 30d; at most 30 days ahead")
	f.StringVar(&o.new.Identifier, "identifier", "", "a `NAME` to find it by (default: a generated one)")
	f.StringVar(&o.new.RefID1, "ref-id-1", "", "your reference")
	f.StringVar(&o.new.RefID2, "ref-id-2", "", "your reference")
	f.StringVar(&o.new.Customer, "customer", "", "customer of the registration token: `NAME`, or id:ID")
	f.StringVar(&o.out, "out", "", "write the token alone to this new `FILE`, readable by you only, and do not print it")
	f.StringVar(&o.perRecipient, "per-recipient", "", "one token for each line of this CSV `FILE`: recipient[,count,ref_id_1,ref_id_2,customer]")
	f.StringVar(&o.outDir, "out-dir", "registration-tokens", "with --per-recipient: `DIR` for the files, one for each recipient, readable by you only")
	f.StringVar(&o.bundle.file, "bundle", "", "with --per-recipient: one new `FILE` for all, encrypted with age, in place of --out-dir")
	f.StringVar(&o.bundle.recipients, "recipients-file", "", "with --bundle: `FILE` of age public keys that can open it, one on each line")
	f.StringVar(&o.bundle.passphrase, "passphrase-file", "", "with --bundle: `FILE` with the passphrase that opens it (default: ask)")
	f.BoolVar(&o.dry, "dry-run", false, "print the registration token to create, and create nothing")
}

func (t *tool) create(ctx context.Context, o createFlags) (err error) {
	// 1. Check everything that needs no service before the first request.
	now := t.now()
	if o.new.Expires, err = expiry(o.expires, now); err != nil {
		return err
	}
	named := o.new.Identifier != ""
	if !named {
		o.new.Identifier = "registration-" + uniqueName(now)
	}
	if err := checkIdentifier(o.new.Identifier); err != nil {
		return err
	}
	if err := o.new.Check(now); err != nil {
		return usagef("%v", err)
	}
	if o.dry {
		return t.printf("would create %s, count %d, last day %s\n", o.new.Identifier, o.new.Count, o.new.Expires.Format(time.DateOnly))
	}
	// 2. Create the file before the token: an administrator would have to find and delete
	// a token that cannot be stored.
	file, err := newTokenFile("--out", o.out)
	if err != nil {
		return err
	}
	defer file.discard()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // printing to a reader that has ended is now an error, and not the end
	return t.asAdministrator(ctx, func(s *admin.Session) error {
		if named { // an earlier try may have made it, though its reply was lost
			if err := notThere(ctx, s, o.new.Identifier); err != nil {
				return err
			}
		}
		return t.createOne(ctx, s, o, file)
	})
}

// uniqueName returns an unused name: the day and random characters.
func uniqueName(now time.Time) string {
	return now.UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
}

// createOne makes one token, and keeps or shows it.
func (t *tool) createOne(ctx context.Context, s *admin.Session, o createFlags, file *reserved) error {
	r, err := t.createToken(ctx, s, o.new)
	odd, isOdd := errors.AsType[*admin.MismatchError](err)
	if err != nil && !isOdd {
		return err
	}
	if err := file.keep([]byte(reveal(r.Token))); err != nil {
		return notKept(r, fmt.Errorf("--out %s: %w", o.out, withoutPath(err)))
	}
	if r.Found {
		t.say("tmsctl: note: the service sent no reply; its list shows that it created %s\n", tableCell(r.Identifier))
	}
	err = t.printRegistration(r, o.out == "")
	if err == nil && o.out != "" && !t.flags.json {
		t.sayNextForFile(o.out)
	}
	switch {
	case err != nil && o.out == "":
		err = notKept(r, fmt.Errorf("print it: %w", err))
	case err != nil:
		err = fmt.Errorf("registration token %s was created and is in %s, but tmsctl cannot print it: %w", tableCell(r.ID), o.out, err)
	}
	if isOdd {
		err = errors.Join(fmt.Errorf("registration token %s was created: %w", tableCell(r.ID), odd), err)
	}
	return err
}

// sayNextForFile says where a registration token is, and what to do with it.
func (t *tool) sayNextForFile(name string) {
	path, err := filepath.Abs(name)
	if err != nil {
		path = name
	}
	t.say(`wrote the registration token to %s (secret, readable by you only)
copy it to the device. Then, %s
  regent register --file %s --erase
or, if the device has no configuration:
  regent setup --token-file %[3]s
then delete your copy:
  %s %s
`, terminal.Printable(path), onDevice, quoted(filepath.Base(path)), deleteCommand(), quoted(path))
}

// deleteCommand deletes a file on this system.
func deleteCommand() string {
	if runtime.GOOS == "windows" {
		return "del"
	}
	return "rm"
}

// notKept says how to go on with a registration token that was made, and that nobody has.
func notKept(r admin.RegistrationToken, why error) error {
	return fmt.Errorf("registration token %[1]s was created, but nobody has it: %[2]w\nif the service still shows it: tmsctl registration-token show --reveal %[1]s\nif not, delete it and create another: tmsctl registration-token delete %[1]s", tableCell(r.ID), why)
}

// notThere is an error if a registration token has the identifier, or if that is not known.
func notThere(ctx context.Context, s *admin.Session, identifier string) error {
	list, err := s.RegistrationTokens(ctx, admin.RegistrationFilter{Identifier: identifier})
	if len(list) > 0 {
		return fmt.Errorf("registration token %q already exists with the id %s: nothing was created\nto see it: tmsctl registration-token show %[2]s\nto create another one, use another --identifier", tableCell(identifier), tableCell(list[0].ID))
	}
	if err != nil {
		return fmt.Errorf("cannot check whether registration token %q already exists, so nothing was created: %w", tableCell(identifier), err)
	}
	return nil
}

// createToken creates a registration token. The service may show it only in the reply,
// so an interruption does not end the wait for it.
func (t *tool) createToken(ctx context.Context, s *admin.Session, n admin.NewRegistrationToken) (admin.RegistrationToken, error) {
	// A password is perhaps asked for, and that can be interrupted.
	if err := errors.Join(s.Confirm(ctx), ctx.Err()); err != nil {
		return admin.RegistrationToken{}, err
	}
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		t.say("\ntmsctl: interrupted: waiting for the reply to %s. The service may show the token only in this reply. To end tmsctl at once, interrupt it again\n", tableCell(n.Identifier))
	})
	r, err := s.CreateRegistrationToken(context.WithoutCancel(ctx), n, s.Now())
	if !stop() { // it was interrupted
		<-said
	}
	if admin.OutcomeUnknown(err) {
		err = fmt.Errorf("registration token %s may have been created: %w", tableCell(n.Identifier), err)
	}
	return r, err
}

// parseDay reads "30d", so many days from now in the direction of sign, or "2026-12-01".
// Days count in UTC, as the service's do.
func parseDay(s string, now time.Time, sign int) (time.Time, bool) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.Atoi(days)
		return now.UTC().AddDate(0, 0, sign*n), err == nil && n > 0 && n < 10_000
	}
	day, err := time.Parse(time.DateOnly, s)
	return day, err == nil
}

// expiry reads "30d" or "2026-12-01": the last day of a registration token.
func expiry(s string, now time.Time) (time.Time, error) {
	if day, ok := parseDay(s, now, 1); ok {
		return day, nil
	}
	first, last := admin.ExpiryBounds(now)
	return time.Time{}, usagef("--expires %q: write 1d to 30d, or a date from %s to %s",
		s, first.Format(time.DateOnly), last.Format(time.DateOnly))
}

// pastTime reads "7d" or "2026-12-01": a time that is past.
func pastTime(s string, now time.Time) (time.Time, error) {
	if day, ok := parseDay(s, now, -1); ok {
		return day, nil
	}
	return time.Time{}, usagef("--since %q: write 7d, or a date as 2026-11-01", s)
}

// mostDays is the longest time that is also shown as a number of days: a century.
const mostDays = 36525

// expiryText describes a last day relative to now.
func expiryText(day, now time.Time) string {
	if day.IsZero() {
		return "unknown"
	}
	today := now.UTC().Truncate(24 * time.Hour)
	date := day.Format(time.DateOnly)
	switch days := int(day.Sub(today) / (24 * time.Hour)); {
	case days > mostDays || days < -mostDays:
		return date // as 9999-12-31, which is never
	case days == 0:
		return date + " (today)"
	case days == 1:
		return date + " (tomorrow)"
	case days == -1:
		return date + " (yesterday)"
	case days > 0:
		return fmt.Sprintf("%s (in %d days)", date, days)
	default:
		return fmt.Sprintf("%s (%d days ago)", date, -days)
	}
}

// reserved is a new file with disk space for content that does not exist yet. A service
// may show a token only once, so a full disk must be found before the token is created.
// A nil one takes nothing.
type reserved struct {
	f    *os.File
	name string // of the file; a temporary one until kept
	done bool   // the content is durable
}

// tokenSpace is the space for one registration token, in bytes.
const tokenSpace = 4 << 10

// reserve makes a temporary file in a directory, with space for size bytes.
func reserve(dir string, size int) (*reserved, error) {
	f, err := os.CreateTemp(dir, ".tmsctl-*") // mode 0600
	if err != nil {
		return nil, err
	}
	return reserveIn(f, size)
}

func reserveIn(f *os.File, size int) (*reserved, error) {
	r := &reserved{f: f, name: f.Name()}
	_, err := f.Write(make([]byte, size))
	if err = errors.Join(err, f.Sync()); err != nil {
		r.discard()
		return nil, err
	}
	return r, nil
}

// keep writes the content into the file. It returns once the content is durable.
func (r *reserved) keep(content []byte) error {
	if r == nil {
		return nil
	}
	_, err := r.f.WriteAt(content, 0)
	err = errors.Join(err, r.f.Truncate(int64(len(content))), r.f.Sync(), r.f.Close())
	if err == nil {
		err = store.SyncDir(filepath.Dir(r.name))
	}
	r.done = err == nil
	return err
}

// keepAs is keep, and gives the file this name. It replaces a file of that name. If that
// fails, the content stays in the temporary file, and the error names it.
func (r *reserved) keepAs(name string, content []byte) error {
	if err := r.keep(content); err != nil {
		return err
	}
	if err := os.Rename(r.name, name); err != nil {
		return fmt.Errorf("%w; the content is in %s", withoutPath(err), r.name)
	}
	return store.SyncDir(filepath.Dir(name))
}

// discard removes the file if it has no content.
func (r *reserved) discard() {
	if r == nil || r.done {
		return
	}
	_ = r.f.Close() // its error, if any, was reported
	_ = os.Remove(r.name)
}

// newTokenFile makes the new file that flag names, with space for a token. It never takes
// one that exists. Without a name it is nil.
func newTokenFile(flag, name string) (*reserved, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the file that its reader named
	if errors.Is(err, fs.ErrExist) {
		return nil, usagef("%s %s: the file exists; name another file", flag, name)
	}
	var r *reserved
	if err == nil {
		r, err = reserveIn(f, tokenSpace)
	}
	if err != nil {
		return nil, usagef("%s %s: %v", flag, name, withoutPath(err))
	}
	return r, nil
}
