package authz

import "slices"

// OperatorsGroup is the group of the administrators other than root.
const OperatorsGroup = "regent-operators"

// IsOperator reports whether the caller is in [OperatorsGroup].
func (c Caller) IsOperator() bool { return slices.Contains(c.Groups, OperatorsGroup) }

// IsAdministrator reports whether the caller's account may administer: superuser accounts,
// operators, and owner. owner is the daemon's own user if it is a person, otherwise "".
func (c Caller) IsAdministrator(superuser bool, owner string) bool {
	return superuser || owner != "" && c.UID == owner || c.IsOperator()
}

// Administration limits from where administrators may administer.
type Administration struct {
	FromContainers   bool // also from a container
	WithCapabilities bool // root needs its capabilities
}

// Administers decides whether the caller may administer. The account alone is not enough:
// root in a container is not root of the system, and neither is root without capabilities.
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
			Doubt:  "root lacks " + lacks + "; run the command outside of the sandbox, add it to group " + OperatorsGroup + ", or set administration.root_without_capabilities: true",
		}
	}
	return Decision{Allow: true, Rule: "administrator"}
}
