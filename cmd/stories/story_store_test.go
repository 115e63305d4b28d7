package stories

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// countRequests writes how many requests the emulator has had, of each kind, into
// a file.
func countRequests(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: requests FILE")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(ts.ReadFile("ca.pem")))
	c := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer c.CloseIdleConnections()
	resp, err := c.Get(ts.Getenv("TENANT") + "/_emulator/state")
	ts.Check(err)
	defer resp.Body.Close()
	var state struct {
		Requests json.RawMessage `json:"requests"`
	}
	ts.Check(json.NewDecoder(resp.Body).Decode(&state))
	if len(state.Requests) < 3 {
		ts.Fatalf("the emulator counts no requests: %s", state.Requests)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), append(state.Requests, '\n'), 0o600))
}
