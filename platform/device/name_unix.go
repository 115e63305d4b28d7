//go:build unix

package device

import (
	"context"
	"net"
	"os"
	"time"
)

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
	return qualify(name, string(hosts), lookupFQDN), nil
}

// lookupTimeout bounds the only question that goes to the network.
const lookupTimeout = time.Second

// lookupFQDN asks the system's resolver, for as long as is bearable at a start.
func lookupFQDN(name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout) //nolint:forbidigo // bounded here, and nothing above it would end it earlier
	defer cancel()
	// The resolver in Go ends with its context; the C library's does not.
	return (&net.Resolver{PreferGo: true}).LookupCNAME(ctx, name)
}
