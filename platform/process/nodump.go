// Package nodump keeps the memory of this process out of core dumps, and away
// from debuggers of the same user, as far as the system lets a process say so.
package process

// ForbidDump forbids them from now on, for this process. It is to be called before a
// secret is read. Children that run another program are not concerned.
func ForbidDump() error { return forbid() }
