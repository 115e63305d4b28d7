package status

import "regent/agent/tms/contract"

// Contract has the undocumented forms of each tenant, as far as they are known.
type Contract struct {
	Tenants []contract.Block `json:"tenants"`
}
