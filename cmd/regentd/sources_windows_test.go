package main

import (
	"os/exec"
	"testing"

	"regent/agent/policy"
	"regent/platform/layout"
)

// The keys are the real ones: this runs as an administrator of a machine that is
// made for it, and wants nothing of ours to be there before.
const (
	installerKey = `HKLM\` + layout.InstallerKey
	policyKey    = `HKLM\` + layout.PolicyKey
)

func reg(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "reg", append(args, "/f")...).CombinedOutput(); err != nil {
		t.Fatalf("reg %v: %v: %s", args, err, out)
	}
}

// activate resolves what is in the registry now.
func inForce(t *testing.T) (policy.Resolved, []policy.Problem) {
	t.Helper()
	f := readLayers(layerPaths{Config: `C:\nowhere\config.yaml`, Sources: sources()})
	res, problems := policy.Resolve(f.Layers...)
	return res, append(f.Problems, problems...)
}

func TestRegistryPolicy(t *testing.T) {
	for _, s := range sources() {
		if v, err := s.read(); len(v) > 0 || err != nil {
			t.Skipf("%s is in use here (%d values, %v): this is for a machine without Regent", s.name, len(v), err)
		}
	}
	t.Cleanup(func() {
		for _, key := range []string{installerKey, policyKey} {
			_ = exec.Command("reg", "delete", key, "/f").Run() // it may not be there
		}
	})
	reg(t, "add", installerKey, "/v", "Tenant", "/d", "installer.example")
	reg(t, "add", installerKey, "/v", "InstallDir", "/d", `C:\Program Files\Regent`)
	reg(t, "add", installerKey, "/v", "LogLevel", "/d", "debug")
	reg(t, "add", policyKey, "/v", "Tenant", "/d", "managed.example")
	reg(t, "add", policyKey, "/v", "KeepRegistrationToken", "/t", "REG_DWORD", "/d", "1")
	reg(t, "add", policyKey, "/v", "Tenent", "/d", "x")
	reg(t, "add", policyKey+`\Applications`, "/v", "cad", "/d", `{'instances': 2, 'allow': [{'groups': ['S-1-5-32-545']}]}`)

	res, problems := inForce(t)
	s := res.Settings
	if s.Tenant != "https://managed.example" || !s.KeepRegistrationToken || s.Log.Level != "debug" || len(s.Applications) != 1 || s.Applications[0].Instances != 2 || len(s.Applications[0].Allow) != 1 {
		t.Errorf("got %+v", s)
	}
	if p, _ := res.Provenance("tenant"); p.Origin.String() != policyKey+`\Tenant` || len(p.Hidden) != 1 || p.Hidden[0].Origin.String() != installerKey+`\Tenant` {
		t.Errorf("the tenant is from %v", p)
	}
	if texts := problemTexts(problems); texts != policyKey+`\Tenent: Tenent: is not a known policy; did you mean Tenant?` {
		t.Errorf("problems %q", texts)
	}
}
