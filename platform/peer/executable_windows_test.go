package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regent/platform/files"
)

// TestIsExecutable believes whoever owns what is on the way: what there is here is
// no administrator's.
func TestIsExecutable(t *testing.T) {
	p, err := find(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	trustAll(t, p, p.Exe)
	if is, why := p.IsExecutable(p.Exe); !is {
		t.Errorf("its own image: %s", why)
	}
	other := filepath.Join(filepath.Dir(p.Exe), "other-"+filepath.Base(p.Exe))
	if err := os.WriteFile(other, []byte("MZ"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(other)
	if is, why := p.IsExecutable(other); is || !strings.Contains(why, "it runs another file") {
		t.Errorf("another file: %v, %s", is, why)
	}
	p.process.trust.extraOwners = nil
	if is, _ := p.IsExecutable(p.Exe); is {
		t.Error("a file of nobody trusted is believed")
	}
}

// trustAll has whoever owns, or may change, what is on the way to a file believed.
func trustAll(t *testing.T, p *Peer, file string) {
	t.Helper()
	for at := file; ; at = filepath.Dir(at) {
		access, err := files.ReadAccess(at)
		if err != nil {
			t.Fatal(err)
		}
		p.process.trust.extraOwners = append(p.process.trust.extraOwners, access.Owner)
		p.process.trust.extraOwners = append(p.process.trust.extraOwners, access.UntrustedWith(files.ChangeRights)...)
		if at == filepath.Dir(at) {
			break
		}
	}
}
