package agent

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"regent/agent/authz"
	"regent/agent/status"
)

// A holder is shown with the program that it runs now, and no more once it has ended.
func TestStatusOfAHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDevice(t)
		runs := map[int]string{}
		d.programs = func(pid int) string { return runs[pid] }
		d.start(t)
		defer d.stop()
		by, p := newCaller("alice", 7)
		if _, err := d.Token(t.Context(), by, TokenRequest{Application: "cad", Instance: "1"}); err != nil {
			t.Fatal(err)
		}
		root := Caller{Caller: authz.Caller{UID: "0", Admin: true}, Process: &process{}}
		shows := func(step string, leased bool, holder, last *status.Holder) {
			t.Helper()
			st, err := d.Status(t.Context(), root)
			if err != nil {
				t.Fatal(err)
			}
			i := st.Applications[0].Instances[0]
			if diff := cmp.Diff(i.Holder, holder) + cmp.Diff(i.LastHolder, last); diff != "" || i.Leased != leased {
				t.Errorf("%s: leased %t; got -, want +:\n%s", step, i.Leased, diff)
			}
		}
		shows("its program is not known", true, &status.Holder{PID: 7, User: "alice", Exe: "/bin/alice"}, nil)
		runs[7] = "/opt/cad"
		shows("it runs another program", true, &status.Holder{PID: 7, User: "alice", Exe: "/opt/cad"}, nil)
		p.exit()
		runs[7] = "/bin/of-another-process"
		shows("it has ended", false, nil, &status.Holder{PID: 7, User: "alice", Exe: "/opt/cad"})
		if st, err := d.Status(t.Context(), by); err != nil || st.Applications[0].Instances[0].LastHolder != nil {
			t.Errorf("others see %+v, %v", st.Applications[0].Instances[0], err)
		}
		next, _ := newCaller("alice", 8)
		if _, err := d.Token(t.Context(), next, TokenRequest{Application: "cad", Instance: "1"}); err != nil {
			t.Fatal(err)
		}
		shows("another process has it", true, &status.Holder{PID: 8, User: "alice", Exe: "/bin/alice"}, nil)
	})
}
