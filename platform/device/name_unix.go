//go:build unix

package device

import (
	"context"
	"net"
	"os"
	"time"
)

const hostsFile = "/etc/hosts"

// hostname returns the fully qualified name if the device knows its domain.
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
		hosts = nil // the resolver may know the domain
	}
	return qualify(name, string(hosts), lookupFQDN), nil
}

// lookupTimeout limits the only query that uses the network.
const lookupTimeout = time.Second

// lookupFQDN asks the system's resolver. The timeout is short, since it delays the start.
func lookupFQDN(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout) //nolint:forbidigo // it has a timeout, and no caller ends earlier
	defer cancel()
	// The resolver in Go ends with its context. The C library's resolver does not.
	return (&net.Resolver{PreferGo: true}).LookupCNAME(ctx, name)
}
