// Package process controls core dumps, finds other processes, and counts lost log records.
//
// DisableDump keeps the memory of this process out of core dumps and away from
// debuggers of the same user. FindByName finds processes by program name, to tell a
// person; its result may be outdated, so no decision may depend on it.
package process

// Process is a process as it was seen.
type Process struct {
	PID  int
	Dir  string   // its working directory; "" if it may not be seen
	Args []string // its command line, the program first
}
