package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regent/agent"
	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/token"
	"regent/ipc/ipctest"
)

// fakeServiceManager is a server with a service manager that connects to it.
type fakeServiceManager struct {
	uid    string
	unit   string // of the process that connects
	err    error
	log    strings.Builder
	mu     sync.Mutex
	asked  []string
	closed int
	path   string
}

func (m *fakeServiceManager) credential(_ context.Context, by agent.Caller) (agent.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = append(m.asked, by.Unit)
	return agent.Grant{Access: token.NewSecret("jwt")}, m.err
}

// serve runs the server at a real socket until the test ends.
func (m *fakeServiceManager) serve(t *testing.T) {
	t.Helper()
	m.path = filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", m.path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Deps{
		Credential: m.credential,
		User:       func(net.Conn) (string, error) { return m.uid, nil },
		Identify: func(net.Conn) (IdentifiedUnit, error) {
			return IdentifiedUnit{agent.Caller{Caller: authz.Caller{Unit: m.unit}}, func() error { m.closed++; return nil }}, nil
		},
		Now: time.Now, Log: slog.New(slog.NewTextHandler(&m.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	ipctest.Serve(t, s, ln)
}

// load does what the service manager does: it binds its end to address, connects
// and reads until the end.
func (m *fakeServiceManager) load(t *testing.T, address string) string {
	t.Helper()
	c, err := net.DialUnix("unix", &net.UnixAddr{Name: address, Net: "unix"}, &net.UnixAddr{Name: m.path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCredential(t *testing.T) {
	if _, err := New(Deps{}); err == nil {
		t.Error("a server of nothing")
	}
	for _, tt := range []struct {
		name, uid, unit, address string
		err                      error
		want, logged             string
	}{
		{"a unit", "0", "cad.service", "/unit/cad.service/cloudlm-token", nil, "jwt", ""},
		{"not root", "1000", "cad.service", "/unit/cad.service/cloudlm-token", nil, "", ""},
		{"another unit's process", "0", "b.service", "/unit/cad.service/cloudlm-token", nil, "", "is in b.service"},
		{"another credential", "0", "cad.service", "/unit/cad.service/password", nil, "", "there is only cloudlm-token"},
		{"no unit", "0", "cad.service", "/user/cad.service/cloudlm-token", nil, "", "its address does not have"},
		{"refused", "0", "cad.service", "/unit/cad.service/cloudlm-token", fault.Errorf("credential", fault.Denied, "no rule"), "", "no rule"},
		{"a defect", "0", "cad.service", "/unit/cad.service/cloudlm-token", errors.New("disk on fire"), "", "disk on fire"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := &fakeServiceManager{uid: tt.uid, unit: tt.unit, err: tt.err}
			t.Run("load", func(t *testing.T) {
				m.serve(t)
				if got := m.load(t, fmt.Sprintf("@%x%s", rand.Uint64(), tt.address)); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}) // the server has ended: its log and its counts are whole
			if got := m.log.String(); !strings.Contains(got, tt.logged) || tt.logged == "" && got != "" {
				t.Errorf("log: %q, want %q", got, tt.logged)
			}
			if asked := len(m.asked) > 0; asked != (tt.want != "" || tt.err != nil) {
				t.Errorf("the agent was asked about %q", m.asked)
			}
			if len(m.asked) > 0 && m.closed != 1 {
				t.Errorf("the unit was let go %d times", m.closed)
			}
		})
	}
}

func TestParseAddress(t *testing.T) {
	for _, tt := range []struct{ in, unit, name string }{
		{"@24ee1f3b9c/unit/cad-render@2.service/cloudlm-token", "cad-render@2.service", "cloudlm-token"},
		{`@0/unit/a\x2db.service/x`, `a\x2db.service`, "x"},
		{"", "", ""},
		{"@", "", ""},
		{"24ee/unit/cad.service/x", "", ""}, // a path, not an abstract address
		{"@/unit/cad.service/x", "", ""},
		{"@xyz/unit/cad.service/x", "", ""},
		{"@24ee/unit/cad.service", "", ""},
		{"@24ee/unit/cad.service/", "", ""},
		{"@24ee/unit//x", "", ""},
		{"@24ee/unit/cad.service/x/y", "", ""},
		{"@24ee/unit/cad.service/x\x00", "", ""},
		{"@24ee/x/unit/cad.service/x", "", ""},
	} {
		unit, name, err := parseAddress(tt.in)
		if unit != tt.unit || name != tt.name || (err == nil) != (tt.unit != "") {
			t.Errorf("parseAddress(%q) = %q, %q, %v; want %q, %q", tt.in, unit, name, err, tt.unit, tt.name)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("@24ee1f3b9c/unit/cad.service/cloudlm-token")
	f.Fuzz(func(t *testing.T, s string) {
		unit, name, err := parseAddress(s)
		if err != nil {
			if unit != "" || name != "" {
				t.Errorf("parseAddress(%q) = %q, %q with %v", s, unit, name, err)
			}
			return
		}
		if !strings.HasSuffix(s, "/unit/"+unit+"/"+name) || strings.Contains(unit+name, "/") || unit == "" || name == "" {
			t.Errorf("parseAddress(%q) = %q, %q", s, unit, name)
		}
	})
}
