//go:build unix

package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"regent/agent/tms/admin/usage"
	"regent/agent/tms/emulator"
)

const (
	fleetDevices = 10_000
	fleetTokens  = 25_000

	// What an investigation of such a fleet may use. The time is the processor's:
	// it does not depend on what else the machine does.
	fleetMemory = 200 << 20 // bytes, resident
	fleetTime   = 5 * time.Second
)

// fleet is a service with a fleet behind it, and what is wrong with it.
type fleet struct {
	t       *testing.T
	e       *emulator.Emulator
	token   string
	dir     string // of ledgers
	planted map[string]usage.Kind

	mu  sync.Mutex
	now time.Time
	n   int
	csv map[string][][]string // host -> rows of its ledger
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, dir: t.TempDir(), planted: map[string]usage.Kind{}, now: time.Now().Add(-20 * 24 * time.Hour), csv: map[string][][]string{}}
	var err error
	f.e, err = emulator.New(emulator.Options{Knobs: emulator.Knobs{PageSize: 1000, RequestBody: emulator.BodyEither}, Now: func() time.Time {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.now
	}})
	if err != nil {
		t.Fatal(err)
	}
	if f.token, err = f.e.IssueRegistrationToken("fleet", fleetTokens+100); err != nil {
		t.Fatal(err)
	}
	return f
}

// redeem is a redemption of a device. outcome is what its ledger says of it;
// "" is that it has none, or does not have this one.
func (f *fleet) redeem(host, user, instance, installation, outcome string) string {
	f.n++
	id := fmt.Sprintf("regent-%05d", f.n)
	f.pass(time.Minute)
	f.record(id, host, user, instance, installation, outcome)
	body := fmt.Sprintf(`{"identifier":%q,"fqdn":%q,"systemUserName":%q,"macAddress":"02:00:00:00:00:01","refId1":%q,"refId2":%q}`,
		id, host, user, instance, installation)
	r := httptest.NewRequest(http.MethodPost, "/token/api/v5/authTokens", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Basic "+f.token)
	w := httptest.NewRecorder()
	f.e.ServeHTTP(w, r)
	if w.Code != http.StatusCreated {
		f.t.Fatalf("redeem: %d %s", w.Code, w.Body)
	}
	return id
}

func (f *fleet) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

func (f *fleet) record(id, host, user, instance, installation, outcome string) {
	if outcome == "" {
		return
	}
	f.csv[host] = append(f.csv[host], []string{
		id, host, user, "02:00:00:00:00:01", instance, installation, f.now.UTC().Format(time.RFC3339), outcome,
	})
}

func (f *fleet) plant(id string, kind usage.Kind) { f.planted[id] = kind }

// build makes the devices and, at some of them, something that is wrong.
func (f *fleet) build() {
	for d := range fleetDevices {
		host, installation := fmt.Sprintf("ws%05d.example.com", d), fmt.Sprintf("device-%05d", d)
		instances := 2 + d%2 // 2.5 on average
		switch d % 1000 {
		case 1: // the third instance is redeemed again, after its refresh token was lost
			f.plant(f.redeem(host, "regent", "cad/1", installation, "confirmed"), usage.Duplicate)
			instances--
		case 3:
			f.plant(f.redeem(host, "mallory", "cad/9", "", ""), usage.UnexpectedUser)
			instances--
		case 5:
			f.plant(f.redeem(fmt.Sprintf("stranger%d", d), "root", "cad/1", "", ""), usage.UnexpectedHost)
			instances--
		case 7:
			f.plant(f.redeem(host, "regent", "sim/1", installation, "uncertain"), usage.Uncertain)
			instances--
		case 9: // an earlier installation
			f.pass(-48 * time.Hour) // a time without a zone is earlier for certain only by a day
			f.plant(f.redeem(host, "regent", "cad/8", "old-"+installation, ""), usage.Orphan)
			f.pass(48 * time.Hour)
			instances--
		case 11:
			f.plant(f.redeem(host, "regent", "cad/8", installation, "forgotten"), usage.Orphan)
			instances--
		case 13: // as if it were another device's disk
			f.plant(f.redeem(host, "regent", "cad/7", fmt.Sprintf("device-%05d", d-1), "confirmed"), usage.Clone)
			instances--
		case 15:
			f.record(fmt.Sprintf("lost-%05d", d), host, "regent", "sim/9", installation, "uncertain")
			f.plant(fmt.Sprintf("lost-%05d", d), usage.NoCountUsed)
		case 17:
			f.record(fmt.Sprintf("deleted-%05d", d), host, "regent", "sim/9", installation, "confirmed")
			f.plant(fmt.Sprintf("deleted-%05d", d), usage.MissingAtService)
		case 19:
			f.record(fmt.Sprintf("refused-%05d", d), host, "regent", "sim/9", installation, "refused") // nothing
		}
		for i := range instances {
			f.redeem(host, "regent", fmt.Sprintf("cad/%d", i+1), installation, "confirmed")
		}
	}
	for host, rows := range f.csv {
		f.write(host, rows)
	}
}

func (f *fleet) write(host string, rows [][]string) {
	var b strings.Builder
	head := []string{"identifier", "fqdn", "system_user_name", "mac_address", "ref_id_1", "ref_id_2", "creation_date", "outcome"}
	if err := csv.NewWriter(&b).WriteAll(append([][]string{head}, rows...)); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.dir, host+".csv"), []byte(b.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// TestInvestigateFleet: in a fleet of 10,000 devices and 25,000 auth tokens all
// that was planted is found and nothing else, by the real program, over TLS, within
// its time and memory. With REGENT_FLEET_PAGE the page is left in that file.
func TestInvestigateFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("a fleet takes seconds to make")
	}
	t.Parallel()
	f := newFleet(t)
	f.build()
	if got := f.e.State().Redeemed; got != fleetTokens {
		t.Fatalf("%d auth tokens, want %d: mend the test", got, fleetTokens)
	}
	server := httptest.NewTLSServer(f.e)
	defer server.Close()
	secrets := t.TempDir()
	ca, password := filepath.Join(secrets, "ca.pem"), filepath.Join(secrets, "password")
	for name, content := range map[string][]byte{
		ca:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		password: []byte(f.e.Credentials().Password),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := os.Getenv("REGENT_FLEET_PAGE")
	if page == "" {
		page = filepath.Join(secrets, "page.html")
	}
	program := "tmsctl" // this test program
	if raceDetector {
		program = filepath.Join(secrets, "tmsctl")
		if text, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, "--tenant", server.URL, "--user", "admin", "--password-file", password, "--ca-file", ca,
		"investigate", "fleet", "--ledgers", f.dir, "--json", "--html", page)
	cmd.Stderr = t.Output()
	var out bytes.Buffer
	cmd.Stdout = &out
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	peak := watch(cmd.Process.Pid)
	err := cmd.Wait()
	f.measure(cmd.ProcessState, time.Since(begin), peak())
	if err != nil {
		t.Fatal(err)
	}
	f.compare(out.Bytes())
}

// compare holds what was found against what was planted.
func (f *fleet) compare(out []byte) {
	f.t.Helper()
	var said struct {
		Counts   map[usage.Kind]int
		Findings []struct {
			Identifier string
			Finding    usage.Kind
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		f.t.Fatal(err)
	}
	found := map[string]usage.Kind{}
	for _, finding := range said.Findings {
		found[finding.Identifier] = finding.Finding
	}
	if diff := cmp.Diff(found, f.planted); diff != "" {
		f.t.Errorf("findings (-found +planted):\n%s", diff)
	}
	f.t.Logf("found %v", said.Counts)
}

// watch follows the memory of a process until the function that it returns is
// called, which returns the most that was seen.
func watch(pid int) (peak func() int64) {
	stop, seen := make(chan struct{}), make(chan int64)
	go func() {
		again := time.NewTicker(5 * time.Millisecond)
		defer again.Stop()
		for most := int64(0); ; {
			most = max(most, residentPeak(pid))
			select {
			case <-again.C:
			case <-stop:
				seen <- most
				return
			}
		}
	}()
	return func() int64 { close(stop); return <-seen }
}

func (f *fleet) measure(p *os.ProcessState, wall time.Duration, memory int64) {
	f.t.Helper()
	cpu := p.UserTime() + p.SystemTime()
	f.t.Logf("%d devices, %d auth tokens: %v, %v of the processor, %d MiB", fleetDevices, fleetTokens, wall, cpu, memory>>20)
	if memory > fleetMemory {
		f.t.Errorf("%d MiB, want at most %d", memory>>20, fleetMemory>>20)
	}
	if cpu > fleetTime {
		f.t.Errorf("%v of the processor, want at most %v", cpu, fleetTime)
	}
}
