package api

// InvalidateRequest is the optional body of POST [PathInvalidate].
type InvalidateRequest struct {
	Generation uint64 `json:"generation,omitempty"` // of the refused token; 0 if unknown
}

// Event is the data of each event of GET [PathWatch]: the current state of an instance.
type Event struct {
	Instance   string `json:"instance"` // "cad/1"
	State      string `json:"state"`
	Generation uint64 `json:"generation"`
}

// EventName and EventType are the name of those events and the media type of
// the stream.
const (
	EventName = "instance"
	EventType = "text/event-stream"
)

// Explanation is the answer to GET [PathExplain].
type Explanation struct {
	Application string   `json:"application"`
	PID         int      `json:"pid"`
	UID         string   `json:"uid"`
	User        string   `json:"user,omitempty"`
	Groups      []string `json:"groups"` // ids
	Exe         string   `json:"exe,omitempty"`
	Unit        string   `json:"unit,omitempty"`
	Allow       bool     `json:"allow"`
	Rule        string   `json:"rule,omitempty"` // the rule that admits
	Reason      string   `json:"reason"`
}
