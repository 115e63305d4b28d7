//go:build unix

package layout

// SetupCommand is the command that configures this device, as an administrator types it.
const SetupCommand = "sudo regent setup"

func defaults() Paths {
	return Paths{ //nolint:gosec // paths of secrets, not secrets
		Config:            "/etc/regent/config.yaml",
		ConfigDir:         "/etc/regent/config.d",
		PolicyDir:         "/etc/regent/policy.d",
		RegistrationToken: "/etc/regent/registration-token",
		StateDir:          "/var/lib/regent",
		Socket:            "/run/regent/agent.sock",
	}
}
