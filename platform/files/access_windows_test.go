package files

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows"
)

const (
	system = "S-1-5-18"
	admins = "S-1-5-32-544"
	users  = "S-1-5-32-545"
)

func TestFromDescriptor(t *testing.T) {
	tests := []struct {
		name, sddl string
		want       AccessList
	}{
		{"protected", "O:SYD:P(A;;FA;;;SY)", AccessList{Owner: system, Protected: true, Grants: []Grant{{system, 0x1f01ff}}}},
		{"inherits", "O:BAD:(A;;FR;;;BU)", AccessList{Owner: admins, Grants: []Grant{{users, 0x120089}}}},
		{"only for below", "O:BAD:P(A;OICIIO;FA;;;BU)", AccessList{Owner: admins, Protected: true}},
		{"denied", "O:BAD:P(D;;FA;;;BU)", AccessList{Owner: admins, Protected: true, Denied: []Grant{{users, 0x1f01ff}}}},
		{"nobody", "O:BAD:P", AccessList{Owner: admins, Protected: true}},
	}
	for _, tt := range tests {
		sd, err := windows.SecurityDescriptorFromString(tt.sddl)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		got, err := ParseDescriptor(sd)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

func TestFromDescriptorRefuses(t *testing.T) {
	for sddl, want := range map[string]error{"O:SY": ErrNoAccessList, "D:P(A;;FA;;;SY)": nil} {
		sd, err := windows.SecurityDescriptorFromString(sddl)
		if err != nil {
			t.Fatal(sddl, err)
		}
		if _, err := ParseDescriptor(sd); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want an error (%v)", sddl, err, want)
		}
	}
}

func TestUntrustedWith(t *testing.T) {
	l := AccessList{Grants: []Grant{{system, ChangeRights}, {users, windows.FILE_WRITE_DATA}, {"S-1-5-21-1", windows.DELETE}, {"S-1-1-0", windows.FILE_READ_DATA}}}
	if diff := cmp.Diff(l.UntrustedWith(ChangeRights, "S-1-5-21-1"), []string{users}); diff != "" {
		t.Errorf("who may change (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(l.UntrustedWith(ReplaceRights), []string{"S-1-5-21-1"}); diff != "" {
		t.Errorf("who may replace (-got +want):\n%s", diff)
	}
}

func TestExcessGrants(t *testing.T) {
	const meant = "O:BAD:P(D;;FA;;;NU)(A;;FA;;;SY)(A;;FR;;;BU)"
	tests := []struct {
		name, is string
		beyond   []Grant
		undenied []Grant
	}{
		{"as meant", meant, nil, nil},
		{"less", "O:BAD:P(D;;FA;;;NU)(A;;FA;;;SY)", nil, nil},
		{"more for one", "O:BAD:P(D;;FA;;;NU)(A;;FA;;;BU)", []Grant{{users, 0x1f01ff &^ 0x120089}}, nil},
		{"another one", "O:BAD:P(D;;FA;;;NU)(A;;FR;;;WD)", []Grant{{"S-1-1-0", 0x120089}}, nil},
		{"one that can all the same", "O:BAD:P(D;;FA;;;NU)(A;;FA;;;BA)", nil, nil},
		{"in rights that stand for several", "O:BAD:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GR;;;BU)", nil, nil},
		{"more in such rights", "O:BAD:P(D;;GRFA;;;NU)(A;;GXGR;;;BU)", []Grant{{users, 0x20}}, nil},
		{"all in such rights", "O:BAD:P(D;;FA;;;NU)(A;;GA;;;WD)", []Grant{{"S-1-1-0", 0x1f01ff}}, nil},
		{"from the network", "O:BAD:P(A;;FA;;;SY)", nil, []Grant{{"S-1-5-2", 0x1f01ff}}},
		{"from the network to read", "O:BAD:P(D;;FW;;;NU)(A;;FA;;;SY)", nil, []Grant{{"S-1-5-2", 0x1f01ff}}},
	}
	for _, tt := range tests {
		want, err := ParseSDDL(meant)
		if err != nil {
			t.Fatal(err)
		}
		is, err := ParseSDDL(tt.is)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		if diff := cmp.Diff(is.ExcessGrants(want), tt.beyond); diff != "" {
			t.Errorf("%s: beyond (-got +want):\n%s", tt.name, diff)
		}
		if diff := cmp.Diff(is.MissingDenials(want), tt.undenied); diff != "" {
			t.Errorf("%s: undenied (-got +want):\n%s", tt.name, diff)
		}
	}
}
