package main

import (
	"regent/agent/policy"
	"regent/platform/layout"
	"regent/platform/mdm"
)

// sources returns the registry keys of the installer's answers and of managed policy.
func sources() []source {
	installer, managed := mdm.Registry{Path: layout.InstallerKey}, mdm.Registry{Path: layout.PolicyKey}
	return []source{
		{name: installer.String(), rank: policy.Dropin, read: installer.Read, mixed: true},
		{name: managed.String(), rank: policy.Managed, read: managed.Read},
	}
}
