package status

import "regent/agent/tms/contract"

// Contract says what each tenant showed of what the vendor leaves open.
type Contract struct {
	Tenants []contract.Block `json:"tenants"`
}
