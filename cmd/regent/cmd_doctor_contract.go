package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/status"
)

// contractTime is how long the daemon may take to ask its tenants.
const contractTime = 60 * time.Second

// runDoctorContract is regent doctor --contract: what each tenant showed of what the
// vendor leaves open.
func runDoctorContract(cmd *cobra.Command, s runtimeEnv, dial dialer, asJSON bool) error {
	c, err := ask(cmd.Context(), contractTime, dial().Contract)
	if err != nil {
		return err
	}
	c = withSignature(c, s.now())
	err = show(cmd, asJSON, c, func() string { return renderContract(c) })
	if err == nil && hasMismatch(c) {
		return healthError(status.Degraded)
	}
	return err
}

// hasMismatch reports whether anything is configured otherwise than a tenant has it,
// or a tenant could not be asked.
func hasMismatch(c status.Contract) bool {
	return slices.ContainsFunc(c.Tenants, status.TenantContract.Misfits)
}

// withSignature says in each block who asked, and when.
func withSignature(c status.Contract, now time.Time) status.Contract {
	for i := range c.Tenants {
		c.Tenants[i].By, c.Tenants[i].At = "regent "+version+" as a device", now.UTC().Truncate(time.Second)
	}
	return c
}

// renderContract is a block for each tenant.
func renderContract(c status.Contract) string {
	if len(c.Tenants) == 0 {
		return "The configuration names no tenant yet.\n"
	}
	var blocks []string
	for _, t := range c.Tenants {
		blocks = append(blocks, t.String())
	}
	return strings.Join(blocks, "\n")
}
