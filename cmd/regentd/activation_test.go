package main

import (
	"net"
	"strings"
	"testing"
)

// fakeListener is known by its name and says whether it was closed.
type fakeListener struct {
	net.Listener
	closed bool
}

func (f *fakeListener) Close() error {
	f.closed = true
	return nil
}

func TestAssignSockets(t *testing.T) {
	tests := []struct {
		name  string
		given []string
		want  string // of the error; "" is none
	}{
		{"none", nil, ""},
		{"the agent's", []string{agentSocket}, ""},
		{"both", []string{credentialSocket, agentSocket}, ""},
		{"two of one name", []string{agentSocket, agentSocket}, `2 sockets named "agent"`},
		{"a stranger", []string{agentSocket, "regentd.socket"}, `"regentd.socket"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			named := map[string][]net.Listener{}
			for _, name := range tt.given {
				named[name] = append(named[name], &fakeListener{})
			}
			in, err := assignSockets(named)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
			for name, all := range named {
				for _, ln := range all {
					served := ln == in.agent || ln == in.credential
					if f := ln.(*fakeListener); f.closed == served {
						t.Errorf("%s: served %t, closed %t", name, served, f.closed)
					}
				}
			}
		})
	}
}

// Without a service manager the daemon opens its socket itself; with one it
// touches no path.
func TestListen(t *testing.T) {
	given := &fakeListener{}
	if ln, err := (inheritedSockets{agent: given}).listen("/nonexistent/agent.sock"); err != nil || ln != given {
		t.Errorf("got %v, %v, want the inherited one", ln, err)
	}
	path := t.TempDir() + "/agent.sock"
	ln, err := inheritedSockets{}.listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if got := ln.Addr().String(); got != path {
		t.Errorf("got %s, want %s", got, path)
	}
}
