package layout

import (
	"slices"
	"strings"
	"testing"
)

// TestAccess is the matrix of who may do what with what is ours, which the lists are
// to come to. No machine here enforces one of them.
func TestAccess(t *testing.T) {
	const look = readData | readAttrs | readControl | synchronize | 0x28 // execute and extended attributes
	none := right(0)
	for _, tt := range []struct {
		thing string
		list  list
		want  map[string]right
	}{
		{"the pipe", parse(t, PipeAccess), map[string]right{
			"SYSTEM": everything, "an administrator": everything, "a user": PipeReadWrite,
			"a guest": none, "from the network": none, "anonymous": none,
		}},
		{"the folder of all data", parse(t, DataAccess), map[string]right{
			"SYSTEM": everything, "an administrator": everything, "a user": look,
			"a guest": none, "anonymous": none,
		}},
		{"a file in it", parse(t, DataAccess).below(), map[string]right{
			"SYSTEM": everything, "an administrator": everything, "a user": none, "a guest": none,
		}},
		{"the state directory", parse(t, StateAccess), map[string]right{
			"SYSTEM": everything, "an administrator": everything, "a user": none, "a guest": none,
		}},
		{"a record in it", parse(t, StateAccess).below(), map[string]right{
			"SYSTEM": everything, "an administrator": everything, "a user": none, "a guest": none,
		}},
		{"the installer's registration token", parse(t, RegistrationTokenAccess), map[string]right{
			"SYSTEM": everything, "an administrator": none, "a user": none, "a guest": none,
		}},
	} {
		for who, want := range tt.want {
			if got := tt.list.may(who); got != want {
				t.Errorf("%s: %s may %#x, want %#x", tt.thing, who, got, want)
			}
		}
	}
}

// TestUsersCannotTakeOver: of none of our things has a user a right that leads to more.
func TestUsersCannotTakeOver(t *testing.T) {
	for name, sddl := range map[string]string{"pipe": PipeAccess, "data": DataAccess, "state": StateAccess, "token": RegistrationTokenAccess} {
		l := parse(t, sddl)
		if !l.protected {
			t.Errorf("%s: %s takes more from above", name, sddl)
		}
		if name != "pipe" && l.owner != "BA" && l.owner != "SY" {
			t.Errorf("%s: belongs to %q", name, l.owner)
		}
		for _, who := range []string{"a user", "a guest", "anonymous"} {
			if got := l.may(who) & takeOver; got != 0 {
				t.Errorf("%s: %s may %#x", name, who, got)
			}
		}
	}
}

// TestPipeReadWrite: a client can talk, and cannot answer in the daemon's place.
func TestPipeReadWrite(t *testing.T) {
	if PipeReadWrite&makeInstance != 0 {
		t.Error("a client may make an instance of the pipe")
	}
	for name, r := range map[string]right{"read": readData, "write": writeData, "see the owner": readControl, "wait": synchronize} {
		if PipeReadWrite&r == 0 {
			t.Errorf("a client may not %s", name)
		}
	}
	if !strings.Contains(PipeAccess, "(A;;0x12019b;;;AU)") {
		t.Errorf("%s does not give what a client asks for", PipeAccess)
	}
}

// TestService: few privileges, none that lets it become or debug another, and it is
// always started again, each time later.
func TestService(t *testing.T) {
	if got := ServicePrivileges(); !slices.Equal(got, []string{"SeChangeNotifyPrivilege"}) {
		t.Errorf("privileges %q; say in service.go what each is for", got)
	}
	delays := RecoveryDelays()
	if !slices.IsSorted(delays) || len(delays) != 3 || delays[0] <= 0 || delays[2] >= RecoveryReset {
		t.Errorf("recovery after %v, forgotten after %s", delays, RecoveryReset)
	}
	if ServiceAccount != "LocalSystem" || !ServiceDelayed {
		t.Errorf("account %s, delayed %v", ServiceAccount, ServiceDelayed)
	}
	if strings.ContainsAny(Service+EventSource, ` \/`) {
		t.Error("a name of a service or of a source has no such characters")
	}
}

func TestDescribe(t *testing.T) {
	for _, p := range []string{Daemon, Client, Administrator} {
		if Describe(p) == "" {
			t.Errorf("%s has no description", p)
		}
	}
	if Describe("demo") != "" {
		t.Error("demo is none of ours")
	}
}
