package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
)

// creation is the flags of registration-token create.
type creation struct {
	new     admin.NewRegistrationToken
	expires string
	out     string

	perRecipient, outDir string
	bundle               bundling
	dry                  bool
}

func (t *tool) registrationCreate() *cobra.Command {
	var o creation
	c := &cobra.Command{
		Use: "create --count N", Short: "Make a registration token", Args: noArguments,
		Long: `Make a registration token. Its count is how many auth tokens it can create:
one for each instance of each application on each device; tmsctl plan calculates it.

With --per-recipient each line of a CSV file gets a registration token of its own,
so that usage can be told apart and one can be disabled without the others. The
command can be repeated: what was made already is not made again. The tokens go
into a file for each recipient, or with --bundle into one that is encrypted:

  age --decrypt --identity KEY bundle.age | tar x`,
		RunE: running(func(c *cobra.Command, _ []string) error {
			if err := o.bundle.check(o.perRecipient != ""); err != nil {
				return err
			}
			if o.perRecipient != "" {
				if o.bundle.file != "" && c.Flags().Changed("out-dir") {
					return usagef("--bundle and --out-dir exclude each other")
				}
				if c.Flags().Changed("out") {
					return usagef("--per-recipient writes into --out-dir; leave out --out")
				}
				return t.createForEach(c.Context(), o)
			}
			if c.Flags().Changed("out") && (o.out == "" || o.out == "-") {
				return usagef("--out %q: name a new file, or leave --out away to have the token printed", o.out)
			}
			return t.create(c.Context(), o)
		}),
	}
	f := c.Flags()
	f.IntVar(&o.new.Count, "count", 0, "how many auth tokens it can create")
	f.StringVar(&o.expires, "expires", "30d", "its last day: `30d` or a date as 2026-12-01, at most 30 days ahead")
	f.StringVar(&o.new.Identifier, "identifier", "", "a `NAME` to find it by (default: one is made)")
	f.StringVar(&o.new.RefID1, "ref-id-1", "", "a reference of yours")
	f.StringVar(&o.new.RefID2, "ref-id-2", "", "a reference of yours")
	f.StringVar(&o.new.Customer, "customer", "", "customer of the registration token: `NAME`, or id:ID")
	f.StringVar(&o.out, "out", "", "write the token alone to this new `FILE`, readable by you only, and do not print it")
	f.StringVar(&o.perRecipient, "per-recipient", "", "one token for each line of this CSV `FILE`: recipient[,count,ref_id_1,ref_id_2,customer]")
	f.StringVar(&o.outDir, "out-dir", "registration-tokens", "with --per-recipient: `DIR` for the files, one for each recipient, readable by you only")
	f.StringVar(&o.bundle.file, "bundle", "", "with --per-recipient: one new `FILE` for all, encrypted with age, in place of --out-dir")
	f.StringVar(&o.bundle.recipients, "recipients-file", "", "with --bundle: `FILE` of age public keys that can open it, one on each line")
	f.StringVar(&o.bundle.passphrase, "passphrase-file", "", "with --bundle: `FILE` with the passphrase that opens it (default: ask)")
	f.BoolVar(&o.dry, "dry-run", false, "say what would be made, and make nothing")
	return c
}

func (t *tool) create(ctx context.Context, o creation) (err error) {
	// 1. What can be refused without the service is refused before it is asked.
	now := t.now()
	if o.new.Expires, err = expiry(o.expires, now); err != nil {
		return err
	}
	if o.new.Identifier == "" {
		o.new.Identifier = "registration-" + now.UTC().Format("20060102") + "-" + strings.ToLower(rand.Text()[:6])
	}
	if err := o.new.Check(now); err != nil {
		return usagef("%v", err)
	}
	if o.dry {
		_, err := fmt.Fprintf(t.out, "would make %s, count %d, last day %s\n", o.new.Identifier, o.new.Count, o.new.Expires.Format(time.DateOnly))
		return err
	}
	// 2. The file is there before the token is: a token that cannot be kept
	// would have to be found and deleted again.
	file, err := newTokenFile(o.out)
	if err != nil {
		return err
	}
	defer file.discard()
	return t.asAdministrator(ctx, func(s *admin.Session) error {
		// 3. One token is made, and kept or shown.
		r, err := s.CreateRegistrationToken(ctx, o.new, s.Now())
		odd, isOdd := errors.AsType[*admin.NotAsAskedError](err)
		if err != nil && !isOdd {
			return err
		}
		t.sayFound(r)
		if err := file.keep(reveal(r.Token)); err != nil {
			return fmt.Errorf("registration token %s was made, but not kept: %w; see it with: tmsctl registration-token show --reveal %s", r.ID, err, r.ID)
		}
		if isOdd {
			return errors.Join(fmt.Errorf("registration token %s was made: %w", cell(r.ID), odd), t.printRegistration(r, o.out == ""))
		}
		return t.printRegistration(r, o.out == "")
	})
}

func (t *tool) sayFound(r admin.RegistrationToken) {
	if r.Found {
		t.say("tmsctl: note: the service sent no reply; its list shows that it created %s\n", cell(r.Identifier))
	}
}

// tokenFile is a file made for one token. A nil one keeps nothing.
type tokenFile struct {
	f    *os.File
	kept bool
}

// newTokenFile makes the file; it never takes one that is there.
func newTokenFile(name string) (*tokenFile, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the file that its reader named
	if errors.Is(err, fs.ErrExist) {
		return nil, usagef("--out %s: is there already; remove it or name another", name)
	}
	if err != nil {
		return nil, usagef("--out: %v", err)
	}
	return &tokenFile{f: f}, nil
}

// keep returns once the token is durable.
func (t *tokenFile) keep(token string) error {
	if t == nil {
		return nil
	}
	_, err := t.f.WriteString(token)
	err = errors.Join(err, t.f.Sync(), t.f.Close())
	t.kept = err == nil
	return err
}

// discard removes the file, if it was not written whole: the service still has
// what should stand in it, and the name must be free.
func (t *tokenFile) discard() {
	if t == nil || t.kept {
		return
	}
	_ = t.f.Close() // its error, if any, was told
	_ = os.Remove(t.f.Name())
}
