package peer

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

const statTail = "0 0 20 0 1 0 8123456 1000 200"

func TestParseStat(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     procStat
		err      string
	}{
		{"plain", "42 (cad) S 7 1 1 0 -1 0 0 0 0 0 1 2 " + statTail, procStat{7, 8123456}, ""},
		{"spaces and parentheses", "42 (a) R 1 (b) S 7 1 1 0 -1 0 0 0 0 0 1 2 " + statTail, procStat{7, 8123456}, ""},
		{"newline in the name", "42 (a\n) R 1) S 7 1 1 0 -1 0 0 0 0 0 1 2 " + statTail, procStat{7, 8123456}, ""},
		{"empty", "", procStat{}, "no command"},
		{"short", "42 (cad) S 7", procStat{}, "2 fields"},
		{"parent is no number", "42 (cad) S x 1 1 0 -1 0 0 0 0 0 1 2 " + statTail, procStat{}, "is no PID"},
		{"negative parent", "42 (cad) S -7 1 1 0 -1 0 0 0 0 0 1 2 " + statTail, procStat{}, "is no PID"},
		{"start is no number", "42 (cad) S 7 1 1 0 -1 0 0 0 0 0 1 2 0 0 20 0 1 0 -8 1000 200", procStat{}, "is no number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStat([]byte(tt.in))
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("parseStat = %+v, %v; want %+v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestReadStatOfSelf(t *testing.T) {
	got, err := readStat(os.Getpid())
	if err != nil || got.parent != os.Getppid() || got.start == 0 {
		t.Errorf("readStat = %+v, %v; the parent is %d", got, err, os.Getppid())
	}
}

func TestParseCgroup(t *testing.T) {
	for _, tt := range []struct {
		name, in, want string
		err            string
	}{
		{"version 2", "0::/system.slice/cad-render.service\n", "cad-render.service system.slice", ""},
		{"below the service", "0::/system.slice/cad-render.service/worker/evil.service\n", "cad-render.service system.slice", ""},
		{"slices in slices", "0::/a.slice/a-b.slice/c.scope\n", "c.scope a-b.slice a.slice", ""},
		{"template", "0::/system.slice/system-cad.slice/cad@1.service\n", "cad@1.service system-cad.slice system.slice", ""},
		{"a user's own unit is the user manager's", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/cad-render.service\n", "user@1000.service user-1000.slice user.slice", ""},
		{"session", "0::/user.slice/user-1000.slice/session-3.scope\n", "session-3.scope user-1000.slice user.slice", ""},
		{"version 1", "12:pids:/x\n1:name=systemd:/system.slice/cad.service\n", "cad.service system.slice", ""},
		{"hybrid prefers the named one", "1:name=systemd:/system.slice/cad.service\n0::/system.slice/other.service\n", "cad.service system.slice", ""},
		{"named one unused", "1:name=systemd:/\n0::/system.slice/cad.service\n", "cad.service system.slice", ""},
		{"another controller proves nothing", "4:memory:/system.slice/cad.service\n0::/\n", "", "in no unit"},
		{"another named hierarchy proves nothing", "4:name=mine:/system.slice/cad.service\n0::/\n", "", "in no unit"},
		{"number 0 with a controller proves nothing", "0:x:/system.slice/cad.service\n", "", "in no unit"},
		{"escaped", "0::/_cpu.slice/_cgroup.service\n", "cgroup.service cpu.slice", ""},
		{"root", "0::/\n", "", "in no unit"},
		{"only slices", "0::/system.slice\n", "", "in no unit"},
		{"container", "0::/docker/0123456789ab\n", "", "in no unit"},
		{"container that names a service", "0::/docker/cad.service\n", "", "in no unit"},
		{"suffix alone", "0::/system.slice/.service\n", "", "in no unit"},
		{"removed", "0::/system.slice/cad.service (deleted)\n", "", "in no unit"},
		{"outside of the namespace", "0::/../system.slice/cad.service\n", "", "outside"},
		{"colons in the path", "0::/system.slice/a:b.service\n", "a:b.service system.slice", ""},
		{"empty", "", "", "in no unit"},
		{"not a cgroup file", "hello\n", "", "is not number:controllers:path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			units, err := parseCgroup([]byte(tt.in))
			got := strings.Join(units, " ")
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("parseCgroup = %q, %v; want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestUnits(t *testing.T) {
	o := start(t, self(t), nil)
	p := peerOf(t, o)
	b, err := os.ReadFile(p.proc("cgroup"))
	mustSucceed(t, err)
	want, wantErr := parseCgroup(b)
	if got, err := p.Units(); !slices.Equal(got, want) || (err == nil) != (wantErr == nil) {
		t.Errorf("Units = %q, %v; want %q, %v", got, err, want, wantErr)
	}
	o.exit(t, p)
	if got, err := p.Units(); got != nil || err == nil {
		t.Errorf("Units of an exited process = %q, %v", got, err)
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (cad) S 7 1 1 0 -1 0 0 0 0 0 1 2 " + statTail))
	f.Fuzz(func(t *testing.T, b []byte) {
		st, err := parseStat(b)
		if err != nil && st != (procStat{}) || st.parent < 0 {
			t.Errorf("parseStat = %+v, %v", st, err)
		}
		if !bytes.ContainsRune(b, ')') {
			return
		}
		// Whatever stands in front of the last parenthesis changes nothing.
		if got, err2 := parseStat(append([]byte("1 (x) R 1 1 "), b...)); got != st || (err == nil) != (err2 == nil) {
			t.Errorf("with another name: %+v, %v; want %+v, %v", got, err2, st, err)
		}
	})
}

func FuzzParseCgroup(f *testing.F) {
	f.Add([]byte("1:name=systemd:/system.slice/cad.service\n0::/\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		units, err := parseCgroup(b)
		if (err == nil) == (len(units) == 0) {
			t.Fatalf("parseCgroup = %q, %v: one of them says something", units, err)
		}
		if err != nil {
			return
		}
		unit := units[0]
		if slices.ContainsFunc(units[1:], func(s string) bool { return !strings.HasSuffix(s, ".slice") }) {
			t.Errorf("slices %q", units[1:])
		}
		if strings.ContainsAny(unit, "/\n") || strings.HasSuffix(unit, ".slice") {
			t.Errorf("unit %q", unit)
		}
		if !strings.Contains(string(b), unit) {
			t.Errorf("unit %q is not in %q", unit, b)
		}
	})
}

// parseCgroup is what Units makes of /proc/PID/cgroup.
func parseCgroup(b []byte) ([]string, error) {
	in, err := membershipOf(b)
	if err != nil {
		return nil, err
	}
	return unitsOf(in.path)
}
