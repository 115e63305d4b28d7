package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"regent/platform/hostfacts"
	"regent/platform/paths"
)

// newHostFacts is what a unit runs as root before the daemon, whose own user may
// not read all that tells one device from another.
func newHostFacts() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "host-facts",
		Short: "note what tells this device from another, for a daemon that may read less",
		Args:  noArgs,
		RunE:  func(*cobra.Command, []string) error { return hostfacts.Read().Write(out) },
	}
	cmd.Flags().StringVar(&out, "out", filepath.Join(filepath.Dir(paths.Default().Socket), "host-facts"), "`file` that it is written to")
	return cmd
}
