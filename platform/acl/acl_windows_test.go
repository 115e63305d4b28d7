package acl

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

func TestOf(t *testing.T) {
	tests := []struct {
		name, sddl string
		want       List
	}{
		{"protected", "O:SYD:P(A;;FA;;;SY)", List{Owner: system, Protected: true, Grants: []Grant{{system, 0x1f01ff}}}},
		{"inherits", "O:BAD:(A;;FR;;;BU)", List{Owner: admins, Grants: []Grant{{users, 0x120089}}}},
		{"only for below", "O:BAD:P(A;OICIIO;FA;;;BU)", List{Owner: admins, Protected: true}},
		{"denied", "O:BAD:P(D;;FA;;;BU)", List{Owner: admins, Protected: true}},
		{"nobody", "O:BAD:P", List{Owner: admins, Protected: true}},
	}
	for _, tt := range tests {
		sd, err := windows.SecurityDescriptorFromString(tt.sddl)
		if err != nil {
			t.Fatal(tt.name, err)
		}
		got, err := Of(sd)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(got, tt.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", tt.name, diff)
		}
	}
}

func TestOfRefuses(t *testing.T) {
	for sddl, want := range map[string]error{"O:SY": ErrOpen, "D:P(A;;FA;;;SY)": nil} {
		sd, err := windows.SecurityDescriptorFromString(sddl)
		if err != nil {
			t.Fatal(sddl, err)
		}
		if _, err := Of(sd); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s: got %v, want an error (%v)", sddl, err, want)
		}
	}
}

func TestStrangers(t *testing.T) {
	l := List{Grants: []Grant{{system, Change}, {users, windows.FILE_WRITE_DATA}, {"S-1-5-21-1", windows.DELETE}, {"S-1-1-0", windows.FILE_READ_DATA}}}
	if diff := cmp.Diff(l.Strangers(Change, "S-1-5-21-1"), []string{users}); diff != "" {
		t.Errorf("who may change (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(l.Strangers(Replace), []string{"S-1-5-21-1"}); diff != "" {
		t.Errorf("who may replace (-got +want):\n%s", diff)
	}
}
