package status

import "regent/agent/tms/contract"

// Contract says what each tenant showed of what the vendor leaves open.
type Contract struct {
	Tenants []TenantContract `json:"tenants"`
}

type (
	// TenantContract is one tenant's.
	TenantContract = contract.Block
	// Form is one row of it.
	Form = contract.Form
	// Fit is whether what is configured is what the tenant has.
	Fit = contract.Fit
)

// The fits.
const (
	FitYes     = contract.FitYes
	FitNo      = contract.FitNo
	FitUnknown = contract.FitUnknown
)
