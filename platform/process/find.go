// Package process controls core dumps, finds other processes, and counts lost log records.
//
// DisableDump keeps this process's memory out of core dumps and away from debuggers of the
// same user. FindByName finds processes by program name, for messages only. Its result may be
// outdated, so no decision may depend on it.
package process

// Process describes a process at the time of FindByName.
type Process struct {
	PID  int
	Dir  string   // working directory; "" if this process may not see it
	Args []string // command line, the program first
}
