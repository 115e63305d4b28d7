package main

import (
	"io/fs"

	"regent/agent/policy"
	"regent/platform/mdm"
)

// sources are the managed preferences. The system makes the file of the profiles
// that are installed, and removes what anybody else puts there.
func sources() []source {
	const file = "/Library/Managed Preferences/com.regent.agent.plist"
	return []source{{name: file, file: file, rank: policy.Managed, read: func() ([]mdm.Value, error) {
		return mdm.ReadPreferences(file, func(info fs.FileInfo) error { return writableByRootOnly(file, info) })
	}}}
}
