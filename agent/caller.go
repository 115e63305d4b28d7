package agent

import (
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/lease"
)

// Caller is the local process that asks: what the kernel said of it, and a hold
// of it, so that it can be asked whether it still lives.
type Caller struct {
	authz.Caller
	// Process is the caller, held as long as the connection. Never nil for a
	// caller that the platform identified.
	Process lease.Process
	// Recheck returns an error if the process has ended, or runs another
	// executable than when it was identified. nil asks only Process.
	Recheck func() error
	// Cgroup is that of a Unit that asks as a whole: its leases are the unit's,
	// until the cgroup, whose number is Start, is empty. Process is its hold.
	Cgroup string
}

// verify returns an error if the caller is not any more who it was.
func (c Caller) verify() error {
	if c.Recheck != nil {
		return c.Recheck()
	}
	return c.Process.Alive()
}

// denyIfGone is still as a fault.
func (c Caller) denyIfGone(op string) error {
	if gone := c.verify(); gone != nil {
		return fault.Errorf(op, fault.Denied, "the process that asked has ended or become another program").WithCause(gone)
	}
	return nil
}

// holder names the caller's process for a lease.
func (c Caller) holder(bootID string) lease.Holder {
	return lease.Holder{PID: c.PID, Start: c.Start, BootID: bootID, User: c.name(), Exe: c.Exe, Cgroup: c.Cgroup}
}

// name is the caller's user, or the unit, for people.
func (c Caller) name() string {
	if c.Unit != "" {
		return "unit " + c.Unit
	}
	if c.User == "" {
		return c.UID
	}
	return c.User
}
