package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"regent/ipc/api"
	"regent/platform/files"
)

// namesKey is the key of the configuration that lets names of users into a
// bundle.
const namesKey = "support.user_names"

func newBundle(s runtimeEnv, socket *string, dial dialer, inquire unitQuery) *cobra.Command {
	var out string
	var list bool
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Write what support needs into one file, without secrets",
		Long: `Write what support needs into one file, without secrets: the status, what doctor
finds, the configuration in force, the state of the store, and the account of the
redemptions. What is in it is listed before it is written; --list does no more.

The file is a zip of JSON, readable by you alone. Names of users are left out
where policy says so (support.user_names), and where this user may not read the
policy.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !list && out == "" {
				return usage(cmd, "say where it goes: --out FILE; or only what would be in it: --list")
			}
			b := doctorRun{s, *socket, "", dial, inquire}.bundle(cmd.Context())
			parts, err := b.parts()
			if err != nil {
				return err
			}
			if _, err := io.WriteString(cmd.OutOrStdout(), renderParts(b, parts)); err != nil || list {
				return err
			}
			return writeBundle(cmd.OutOrStdout(), out, parts)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "the `file` to write, such as regent.zip")
	cmd.Flags().BoolVar(&list, "list", false, "only list what would be in it")
	return cmd
}

// bundle gathers everything. A part that cannot be had is named instead.
func (x doctorRun) bundle(ctx context.Context) bundle {
	f := x.gather(ctx)
	b := bundle{
		About:  bundleAbout{Made: x.now().UTC(), Program: version, UserNames: true, Missing: []string{}},
		Doctor: bundleDoctorOf(f), Policy: []bundleKey{}, Ledger: []bundleEntry{},
	}
	missing := func(part string, err error) { b.About.Missing = append(b.About.Missing, part+": "+err.Error()) }
	if f.Daemon != nil {
		b.About.Daemon, b.Status = f.Daemon.Status.Version, bundleStatusOf(f.Daemon.Status)
	}
	ctx, cancel := withTimeout(ctx, 0) // for all three
	defer cancel()
	policy, err := x.dial().Policy(ctx)
	if err != nil {
		missing("policy", timeoutError(ctx, err))
	}
	b.Policy = bundlePolicyOf(policy)
	if store, err := x.dial().Store(ctx); err != nil {
		missing("store", timeoutError(ctx, err))
	} else {
		b.Store = bundleStoreOf(store)
	}
	ledger, err := x.dial().Ledger(ctx)
	if err != nil {
		missing("ledger", timeoutError(ctx, err))
	}
	b.Ledger = bundleLedgerOf(ledger)
	if !namesAllowed(policy) {
		b.redact()
	}
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

// bundleFile is one file of the bundle.
type bundleFile struct {
	name, what string
	content    []byte
}

func (b bundle) parts() ([]bundleFile, error) {
	parts := []bundleFile{
		{name: "about.json", what: "when and by which versions it was made, and what is missing"},
		{name: "status.json", what: "what regent status shows"},
		{name: "doctor.json", what: "what regent doctor finds, and how far the services were reached"},
		{name: "policy.json", what: "the keys of the configuration that somebody set"},
		{name: "store.json", what: "how the store is; no record"},
		{name: "ledger.json", what: "the account of the redemptions"},
	}
	for i, v := range []any{b.About, b.Status, b.Doctor, b.Policy, b.Store, b.Ledger} {
		content, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("[unexpected] encode %s: %w", parts[i].name, err)
		}
		parts[i].content = append(content, '\n')
	}
	return parts, nil
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

func writeBundle(w io.Writer, file string, parts []bundleFile) error {
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
	_, err := fmt.Fprintf(w, "Written to %s, readable by you alone.\n", printable(file))
	return err
}
