package status

// StoreReport is the state of the store, and the effect of a verb, planned or done.
type StoreReport struct {
	State      string        `json:"state"`             // a store.State
	Protection string        `json:"guard"`             // protection of the data key
	Detail     string        `json:"detail,omitempty"`  // explains the protection
	Reason     string        `json:"why,omitempty"`     // cause of a state that is not ok
	Binding    string        `json:"binding,omitempty"` // same, bind, rebind, quarantine, off
	Facts      int           `json:"facts"`             // known kinds of facts of this device
	Records    int           `json:"records"`           // readable ones
	Damaged    []StoreDamage `json:"damaged"`
	Ledger     string        `json:"ledger"` // ok, altered, unknown

	Verb     string      `json:"verb,omitempty"`
	Counts   int         `json:"counts,omitempty"`    // the largest cost of the verb
	Effect   string      `json:"effect,omitempty"`    // the effect and its cost
	SetAside []string    `json:"set_aside,omitempty"` // renamed files
	Steps    []StoreStep `json:"steps,omitempty"`     // of a drill
	Done     bool        `json:"done,omitempty"`

	ID            string          `json:"id,omitempty"`    // of the started operation; LastOperation has its result
	LastOperation *StoreOperation `json:"last,omitempty"`  // the last one since the daemon's start
	Wiped         []WipedToken    `json:"wiped,omitempty"` // of unregister
}

// StoreDamage is a record that cannot be read.
type StoreDamage struct {
	Record string `json:"record"` // "" if only its content has the name
	Path   string `json:"path"`
	Why    string `json:"why"`
}

// StoreStep is one rehearsal of a drill.
type StoreStep struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Message string `json:"message"`
	Counts  int    `json:"counts"`
	Passed  bool   `json:"passed"` // as expected, and no key was made
}

// StoreOperation is the result of an operation on the store.
type StoreOperation struct {
	ID       string   `json:"id"`
	Verb     string   `json:"verb"`
	Done     bool     `json:"done"`
	Failure  string   `json:"failure,omitempty"`
	SetAside []string `json:"set_aside,omitempty"`
}

// WipedToken is an auth token that this device deleted. The service has it until the
// Contact Administrator deletes it. If Uncertain is set, it is a redemption that may have
// used a count: the service may have an auth token with the identifier.
type WipedToken struct {
	Tenant      string `json:"tenant"`
	Instance    string `json:"instance"`
	AuthTokenID string `json:"auth_token_id,omitempty"`
	Identifier  string `json:"identifier,omitempty"`
	Uncertain   bool   `json:"uncertain,omitempty"`
}
