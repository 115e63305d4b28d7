package status

// StoreReport is the state of the store, and the effect of a verb, planned or done.
type StoreReport struct {
	State      string        `json:"state"`             // a store.State
	Protection string        `json:"guard"`             // what guards the data key
	Detail     string        `json:"detail,omitempty"`  // what that means
	Reason     string        `json:"why,omitempty"`     // of a state that is not ok
	Binding    string        `json:"binding,omitempty"` // same, bind, rebind, quarantine, off
	Facts      int           `json:"facts"`             // kinds of facts that are known of this device
	Records    int           `json:"records"`           // that can be read
	Damaged    []StoreDamage `json:"damaged"`
	Ledger     string        `json:"ledger"` // ok, altered, unknown

	Verb     string      `json:"verb,omitempty"`
	Counts   int         `json:"counts,omitempty"` // that the verb costs at most
	Effect   string      `json:"says,omitempty"`   // what it does, and what that costs
	SetAside []string    `json:"kept,omitempty"`   // files that were set aside
	Steps    []StoreStep `json:"steps,omitempty"`  // of a drill
	Done     bool        `json:"done,omitempty"`

	ID            string          `json:"id,omitempty"`    // of what was begun; Last tells its end
	LastOperation *StoreOperation `json:"last,omitempty"`  // what was done last, since the daemon's start
	Wiped         []WipedToken    `json:"wiped,omitempty"` // of unregister
}

// StoreDamage is a record that cannot be read.
type StoreDamage struct {
	Record string `json:"record"` // "" if only its content would tell
	Path   string `json:"path"`
	Why    string `json:"why"`
}

// StoreStep is one rehearsal of a drill.
type StoreStep struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Message string `json:"says"`
	Counts  int    `json:"counts"`
	Passed  bool   `json:"held"` // it came as it should, and no key was made
}

// StoreOperation is the end of something that was begun.
type StoreOperation struct {
	ID       string   `json:"id"`
	Verb     string   `json:"verb"`
	Done     bool     `json:"done"`
	Failure  string   `json:"failure,omitempty"`
	SetAside []string `json:"kept,omitempty"`
}

// WipedToken is an auth token that this device gave up. The service still has
// it, until the Contact Administrator deletes it.
type WipedToken struct {
	Tenant      string `json:"tenant"`
	Instance    string `json:"instance"`
	AuthTokenID string `json:"auth_token_id,omitempty"`
	Identifier  string `json:"identifier,omitempty"`
}
