//go:build unix

package layout

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
