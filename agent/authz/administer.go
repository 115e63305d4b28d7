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
	if !c.Admin {
		return Decision{Reason: "not an administrator"}
	}
	var apart, lacks string
	if c.Confined != nil && (!a.FromContainers || a.WithCapabilities) {
		apart, lacks = c.Confined()
	}
	switch {
	case apart != "" && !a.FromContainers:
		return Decision{
			Reason: "an administrator, but " + apart,
			Doubt:  "the process is " + apart + "; run the command outside it, or set administration.from_containers: true",
		}
	case lacks != "" && a.WithCapabilities:
		return Decision{
			Reason: "root without " + lacks,
			Doubt:  "root lacks " + lacks + "; run the command outside of the sandbox, add it to group regent-operators, or set administration.root_without_capabilities: true",
		}
	}
	return Decision{Allow: true, Rule: "administrator"}
}
