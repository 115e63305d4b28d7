package refresh

import (
	"crypto/x509"
	"strings"
	"testing"

	"regent/agent/tms"
)

// TestHandshakeFailureText: a refresh that failed in the TLS handshake says how, and not
// only that the service cannot be reached.
func TestHandshakeFailureText(t *testing.T) {
	f := &tms.Failure{Op: "refresh", Host: "demo-host.com", Err: x509.UnknownAuthorityError{}}
	if got := Classify(f, Evidence{}).Text; !strings.Contains(got, "signed by an unknown authority") || !strings.Contains(got, "regent doctor") {
		t.Errorf("it says %q", got)
	}
}
