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

// namesKey is the key of the configuration that lets names of users into a
// bundle.
const namesKey = "support.user_names"

func newBundle(c *cli) *cobra.Command {
	var out string
	var list bool
	cmd := command("bundle", "Write what support needs into one file, without secrets",
		`Write what support needs into one file, without secrets: the status, what doctor
finds, the configuration in force, the state of the store, and the account of the
redemptions. What is in it is listed before it is written; --list does no more.

The file is a zip of JSON, readable by you alone. Names of users are left out
where policy says so (support.user_names), and where this user may not read the
policy.`,
		func(cmd *cobra.Command, _ []string) error {
			if !list && out == "" {
				return usage(cmd, "say where it goes: --out FILE; or only what would be in it: --list")
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
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, such as regent.zip")
	cmd.Flags().BoolVar(&list, "list", false, "only list what would be in it")
	return cmd
}

// bundle gathers everything. A part that cannot be had is named instead.
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

// namesAllowed reports whether policy lets names of users into a bundle. Who
// may not read it is told no.
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
	return write(cmd, fmt.Sprintf("Written to %s, readable by you alone.\n", printable(file)))
}
