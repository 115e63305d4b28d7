package layout

import "path/filepath"

const support = "/Library/Application Support/Regent"

// Managed policy comes as managed preferences, so there is no directory of it.
func defaults() Paths {
	return Paths{
		Config:            filepath.Join(support, "config.yaml"),
		ConfigDir:         filepath.Join(support, "config.d"),
		RegistrationToken: filepath.Join(support, "registration-token"),
		StateDir:          filepath.Join(support, "state"),
		Socket:            "/var/run/regent/agent.sock",
	}
}
