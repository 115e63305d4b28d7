//go:build unix

package host

import "os"

const hostsFile = "/etc/hosts"

// hostname returns the fully qualified name, as far as it can be known.
func hostname() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", err
	}
	if name == "" {
		return "", errNoName
	}
	hosts, err := os.ReadFile(hostsFile)
	if err != nil {
		hosts = nil // the resolver may know
	}
	return qualify(name, string(hosts), ask), nil
}
