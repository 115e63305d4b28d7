package authz

// Administration says from where administrators may administer.
type Administration struct {
	FromContainers   bool // also apart from the system
	WithCapabilities bool // root needs its capabilities
}

// Administers decides whether the caller may administer. Who it is does not
// suffice: root in a container is not root of the system, and neither is root
// without capabilities.
func (c Caller) Administers(a Administration) Decision {
	switch {
	case !c.Admin:
		return Decision{Reason: "not an administrator"}
	case c.Apart != "" && !a.FromContainers:
		return Decision{
			Reason: "an administrator, but " + c.Apart,
			Doubt:  "the process is " + c.Apart + "; run the command outside of it, or set administration.from_containers: true",
		}
	case c.Lacks != "" && a.WithCapabilities:
		return Decision{
			Reason: "root without " + c.Lacks,
			Doubt:  "root lacks " + c.Lacks + "; run the command outside of the sandbox, add it to group regent-operators, or set administration.root_without_capabilities: true",
		}
	}
	return Decision{Allow: true, Rule: "administrator"}
}
