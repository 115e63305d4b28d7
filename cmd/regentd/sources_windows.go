package main

import (
	"regent/agent/policy"
	"regent/platform/mdm"
)

// sources are the installer's answers and the organisation's policy.
func sources() []source {
	installer, managed := mdm.Registry{Path: `SOFTWARE\Regent`}, mdm.Registry{Path: `SOFTWARE\Policies\Regent`}
	return []source{
		{name: installer.String(), rank: policy.Dropin, read: installer.Read, watch: installer.Watch, mixed: true},
		{name: managed.String(), rank: policy.Managed, read: managed.Read, watch: managed.Watch},
	}
}
