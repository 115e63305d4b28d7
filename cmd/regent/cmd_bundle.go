package main

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"regent/agent/doctor"
	"regent/ipc/api"
	"regent/platform/files"
)

// namesKey is the configuration key that allows names of users in a bundle.
const namesKey = "support.user_names"

func newBundle(c *cli) *cobra.Command {
	var out string
	var list bool
	cmd := command("bundle", "Write a file for support, without secrets",
		`Write a file for support, without secrets. It has the status, the findings of
doctor, the active configuration, the state of the store and the ledger. regent
lists the content before it writes the file. With --list it only lists.

The file is a zip of JSON that only you can read. It has names of users only if
the key support.user_names allows it, and you may read the policy.`,
		func(cmd *cobra.Command, _ []string) error {
			if !list && out == "" {
				return usage(cmd, "--out FILE is required; to list the content only, use --list")
			}
			b := c.bundle(cmd.Context())
			parts, err := b.files()
			if err != nil {
				return err
			}
			if err := write(cmd, renderParts(b, parts)); err != nil || list {
				return err
			}
			return writeBundle(cmd, out, parts)
		})
	cmd.Example = `  regent bundle --list
  sudo regent bundle --out regent.zip`
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, such as regent.zip")
	cmd.Flags().BoolVar(&list, "list", false, "only list the content")
	return cmd
}

// bundle gathers all parts. It lists those that it cannot get as missing.
func (c *cli) bundle(ctx context.Context) bundle {
	f := c.gather(ctx, "")
	b := bundle{
		About:  bundleAbout{Made: c.now().UTC(), Program: version, Missing: []string{}},
		Status: stoppedStatus("no daemon answers"),
		Doctor: bundleDoctor{doctor.Judge(f), []doctor.ServiceCheck{}, []doctor.Denial{}}, Policy: []api.PolicyKey{},
	}
	missing := func(part string, err error) {
		if err != nil {
			b.About.Missing = append(b.About.Missing, part+": "+timeoutError(ctx, err).Error())
		}
	}
	if f.Daemon != nil {
		b.About.Daemon, b.Status = f.Daemon.Status.Version, f.Daemon.Status
		b.Doctor.ServiceChecks, b.Doctor.Denials = f.Daemon.ServiceChecks, f.Daemon.Denials
	}
	ctx, cancel := withTimeout(ctx, 0) // for all three
	defer cancel()
	policy, err := c.agent().Policy(ctx)
	missing("policy", err)
	b.About.UserNames = namesAllowed(policy)
	for _, k := range policy.Keys {
		if isSet(k) {
			b.Policy = append(b.Policy, k)
		}
	}
	store, err := c.agent().Store(ctx)
	missing("store", err)
	if err == nil {
		b.Store = &store
	}
	ledger, err := c.agent().Ledger(ctx)
	missing("ledger", err)
	b.Ledger = append([]api.LedgerEntry{}, ledger.Entries...)
	return b
}

// namesAllowed reports whether the policy allows names of users in a bundle. It returns
// false if the caller may not read the policy.
func namesAllowed(p api.Policy) bool {
	for _, k := range p.Keys {
		if k.Key == namesKey {
			return k.Value == "true"
		}
	}
	return false
}

func renderParts(b bundle, parts []bundleFile) string {
	rows := [][]string{}
	for _, p := range parts {
		rows = append(rows, []string{p.name, fmt.Sprintf("%d bytes", len(p.content)), p.what})
	}
	var text strings.Builder
	text.WriteString("In the bundle:\n" + table("  ", rows))
	if !b.About.UserNames {
		text.WriteString("Names of users are left out.\n")
	}
	for _, m := range b.About.Missing {
		text.WriteString("Missing: " + printable(m) + "\n")
	}
	return text.String()
}

func writeBundle(cmd *cobra.Command, file string, parts []bundleFile) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		f, err := z.Create(p.name)
		if err == nil {
			_, err = f.Write(p.content)
		}
		if err != nil {
			return fmt.Errorf("[unexpected] pack %s: %w", p.name, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("[unexpected] pack the bundle: %w", err)
	}
	if err := files.Write(file, b.Bytes(), 0o600); err != nil {
		return err
	}
	return write(cmd, fmt.Sprintf("Written to %s. Only you can read it.\n", printable(file)))
}
