package api

import (
	"time"

	"regent/agent/status"
)

// The states of a key in [PolicyKey].
const (
	PolicyStateOK      = "ok"
	PolicyStateProblem = "problem" // the daemon ignores a value; see Problems
	PolicyStateWaiting = "waiting_for_restart"
)

// Policy is the answer to GET [PathPolicy]: the active configuration and its sources.
type Policy struct {
	AppliedAt time.Time       `json:"applied_at"`
	Keys      []PolicyKey     `json:"keys"`     // in the order of the documentation
	Problems  []PolicyProblem `json:"problems"` // of whole files, and of keys that do not exist
}

// PolicyKey is one key of the configuration. Values are YAML in one line. No value is a
// secret.
type PolicyKey struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Level  string `json:"level"`  // default, local, drop-in, managed
	Source string `json:"source"` // "/etc/regent/policy.d/10.yaml:3", "default"
	Status string `json:"status"` // ok, problem, waiting_for_restart

	Hides    []PolicyValue   `json:"hides,omitempty"` // values of lower layers, the nearest first
	Problems []PolicyProblem `json:"problems,omitempty"`

	Default    string `json:"default"`
	Title      string `json:"title"`
	Doc        string `json:"doc"`
	PolicyName string `json:"policy_name,omitempty"` // in the registry
	Reloadable bool   `json:"reloadable"`            // a change applies without a restart
}

// PolicyValue is a value that a later layer hides.
type PolicyValue struct {
	Value  string `json:"value"`
	Level  string `json:"level"`
	Source string `json:"source"`
}

// PolicyProblem is a problem to correct. Its text never has a value.
type PolicyProblem = status.Problem
