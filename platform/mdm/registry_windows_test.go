package mdm

import (
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/windows/registry"
)

// testKey is where the real policy is, and a part of its own below it: this runs
// as an administrator of a machine that is made for it.
var testKey = Registry{`SOFTWARE\Policies\RegentTest\Policy`}

func reg(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "reg", append(args, "/f")...).CombinedOutput(); err != nil {
		t.Fatalf("reg %v: %v: %s", args, err, out)
	}
}

func deleteTestKey(t *testing.T) {
	t.Helper()
	clean := func() {
		for _, path := range []string{testKey.Path + `\Applications`, testKey.Path, `SOFTWARE\Policies\RegentTest`} {
			_ = registry.DeleteKey(registry.LOCAL_MACHINE, path) // it may not be there
		}
	}
	clean()
	t.Cleanup(clean)
}

func TestReadRegistry(t *testing.T) {
	deleteTestKey(t)
	if v, err := testKey.Read(); v != nil || err != nil {
		t.Errorf("no key: got %v, %v, want neither", v, err)
	}
	reg(t, "add", `HKLM\`+testKey.Path, "/v", "Tenant", "/d", "a") // a value and no subkey
	if v, err := testKey.Read(); len(v) != 1 || err != nil {
		t.Errorf("one value: got %v, %v", v, err)
	}
	k, _, err := registry.CreateKey(registry.LOCAL_MACHINE, testKey.Path, registry.ALL_ACCESS|registry.WOW64_64KEY)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	apps, _, err := registry.CreateKey(k, "Applications", registry.ALL_ACCESS)
	if err != nil {
		t.Fatal(err)
	}
	defer apps.Close()
	for _, err := range []error{
		k.SetStringValue("Tenant", "demo-host.com"), k.SetDWordValue("KeepRegistrationToken", 1), k.SetQWordValue("Large", 1<<40),
		k.SetStringsValue("Names", []string{"a", "b"}), k.SetExpandStringValue("NetworkCAFile", `%ProgramData%\ca.pem`),
		k.SetBinaryValue("Bytes", []byte{1}), apps.SetStringValue("cad", `{"instances": 2}`),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := testKey.Read()
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return testKey.String() + `\` + name }
	want := []Value{
		{"Applications", at("Applications"), map[string]any{"cad": `{"instances": 2}`}},
		{"Bytes", at("Bytes"), nil},
		{"KeepRegistrationToken", at("KeepRegistrationToken"), int64(1)},
		{"Large", at("Large"), int64(1 << 40)},
		{"Names", at("Names"), []any{"a", "b"}},
		{"NetworkCAFile", at("NetworkCAFile"), nil},
		{"Tenant", at("Tenant"), "demo-host.com"},
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("-got +want\n%s", diff)
	}
}
