// Package process controls core dumps, finds other processes, and counts lost log records.
//
// DisableDump keeps the memory of this process out of core dumps and away from
// debuggers of the same user. Named finds processes by program name, to tell a
// person; its result may be outdated, so no decision may depend on it.
package process

// DisableDump forbids them from now on, for this process. It is to be called before a
// secret is read. Children that run another program are not concerned.
func DisableDump() error { return disableDump() }
