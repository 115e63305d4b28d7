package device

import (
	"errors"
	"net"
	"os"
	"os/user"
	"strings"
	"testing"
)

func TestReadNamesIsStable(t *testing.T) {
	got, err := ReadNames()
	if err != nil {
		t.Fatal(err)
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if short, _, _ := strings.Cut(name, "."); !strings.HasPrefix(strings.ToLower(got.FQDN), strings.ToLower(short)) {
		t.Errorf("FQDN: got %q, want one of %q", got.FQDN, name)
	}
	if u, err := user.Current(); err == nil && got.UserName != u.Username {
		t.Errorf("UserName: got %q, want %q", got.UserName, u.Username)
	}
	if got.MAC != "" {
		if _, err := net.ParseMAC(got.MAC); err != nil {
			t.Errorf("MAC: %v", err)
		}
	}
	if again, err := ReadNames(); err != nil || again != got {
		t.Errorf("again: got %+v, %v, want %+v", again, err, got)
	}
}

func TestQualify(t *testing.T) {
	const hosts = `
127.0.0.1	localhost
127.0.1.1	ws17.demo-host.com ws17   # as some installers write it
10.0.0.9	other.demo-host.com other ws18
10.0.0.8	ws19 ws19.demo-host.com
::1	localhost.localdomain localhost ws20
10.0.0.7
`
	tests := []struct {
		name, host string
		answer     string
		err        error
		want       string
	}{
		{name: "has a domain", host: "ws17.site", want: "ws17.site"},
		{name: "ends in a dot", host: "ws17.site.", want: "ws17.site"},
		{name: "in the hosts file", host: "ws17", want: "ws17.demo-host.com"},
		{name: "in the hosts file in other case", host: "WS17", want: "ws17.demo-host.com"},
		{name: "alias of another host", host: "ws18", err: errors.New("no such host"), want: "ws18"},
		{name: "bare name first", host: "ws19", err: errors.New("no such host"), want: "ws19"},
		{name: "alias of localhost", host: "ws20", err: errors.New("no such host"), want: "ws20"},
		{name: "resolver knows", host: "ws21", answer: "ws21.demo-host.com.", want: "ws21.demo-host.com"},
		{name: "resolver names another", host: "ws21", answer: "vpn.demo-host.com.", want: "ws21"},
		{name: "resolver knows no domain", host: "ws21", answer: "ws21.", want: "ws21"},
		{name: "resolver fails", host: "ws21", answer: "ws21.x", err: errors.New("timeout"), want: "ws21"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			asked := false
			got := qualify(tt.host, hosts, func(string) (string, error) {
				asked = true
				return tt.answer, tt.err
			})
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if needed := tt.answer != "" || tt.err != nil; asked != needed {
				t.Errorf("asked the resolver: got %t, want %t", asked, needed)
			}
		})
	}
}

func TestChooseMAC(t *testing.T) {
	bridge := networkCard{index: 2, mac: "02:42:00:00:00:02"}
	wifi := networkCard{index: 3, mac: "0a:00:00:00:00:03", physical: true} // with a drawn address
	dock := networkCard{index: 9, mac: "00:16:3e:00:00:09", physical: true, permanent: true}
	board := networkCard{index: 4, mac: "00:16:3e:00:00:04", physical: true, permanent: true}
	tunnel := networkCard{index: 1}
	tests := []struct {
		name  string
		cards []networkCard
		want  string
	}{
		{"none", nil, ""},
		{"without an address", []networkCard{tunnel}, ""},
		{"only virtual", []networkCard{tunnel, bridge}, bridge.mac},
		{"physical before virtual", []networkCard{bridge, wifi}, wifi.mac},
		{"own address before a drawn one", []networkCard{wifi, dock}, dock.mac},
		{"first number, in any order", []networkCard{dock, wifi, board, bridge}, board.mac},
	}
	for _, tt := range tests {
		if got := chooseMAC(tt.cards); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}
