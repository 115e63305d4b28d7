package status

// Contract says to which forms each tenant answers, of those that the vendor
// does not document and the configuration selects.
type Contract struct {
	Tenants []TenantContract `json:"tenants"`
}

// TenantContract is one tenant's.
type TenantContract struct {
	Tenant string `json:"tenant"`           // host
	Forms  []Form `json:"forms"`            // one for each key
	Failed string `json:"failed,omitempty"` // why nothing could be asked; Forms is empty then
}

// Form is one key of the configuration.
type Form struct {
	Key        string   `json:"key"`
	Configured string   `json:"configured"`
	Answers    []string `json:"answers"` // the words that the tenant answers to; empty if that is not known
	Fits       Fit      `json:"fits"`
	Why        string   `json:"why"` // how that is known, or why not
}

// Fit is whether what is configured is what the tenant has.
type Fit string

// The fits.
const (
	FitYes     Fit = "yes"
	FitNo      Fit = "no"
	FitUnknown Fit = "unknown"
)
