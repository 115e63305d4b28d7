package stories

import (
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// report searches all evidence, and says what was looked at.
func (s *scenario) report() {
	count, secrets := s.canaries.list()
	for _, kind := range []string{registrationKind, registrationKind + decodedPart, registrationKind + userPart, registrationKind + passwordPart, accessKind, refreshKind, passwordKind, proxyKind, phraseKind, dataKeyKind} {
		s.Logf("canary: %3d x %s", count[kind], kind)
		if count[kind] == 0 {
			s.Errorf("the scenario had no %s", kind)
		}
	}
	found, looked := s.evidence.search(s.canaries)
	for _, place := range []string{inOutput, inLog, inFiles, inRecords, inOpen, inArgs, inEnv, inMetrics, inCore} {
		hits := 0
		for _, f := range found {
			if f.place == place {
				hits++
			}
		}
		s.Logf("canary: %-30s %5d contents, %9d bytes: %d hits", place, looked[place][0], looked[place][1], hits)
		if looked[place][0] == 0 && (place != inOpen || os.Getuid() == 0) {
			s.Errorf("nothing was looked at: %s", place)
		}
	}
	for _, f := range found {
		s.Errorf("%s: %s (%s) holds a %s", f.place, f.name, f.form, f.kind)
	}
	s.Logf("canary: %d secrets, each in %d forms, whole or in part: %d hits", len(secrets), len(formsOf("0123456789abcdef")), len(found))
}

// selfCheck plants secrets in every place, and fails if the same search does not
// find them there.
func (s *scenario) selfCheck() {
	_, secrets := s.canaries.list()
	planted, found := 0, 0
	for _, secret := range secrets {
		for _, texts := range formsOf(secret) {
			for _, text := range texts {
				planted++
				if len(s.canaries.find([]byte("x="+text+";"))) > 0 {
					found++
				}
			}
		}
	}
	s.Logf("canary: control: %d of %d planted forms were found", found, planted)
	if found != planted {
		s.Errorf("%d planted forms were not found", planted-found)
	}

	secret := secrets[slices.IndexFunc(secrets, func(s string) bool { return strings.HasPrefix(s, "ca/na") })]
	e := s.plant(secret)
	hits, _ := e.search(s.canaries)
	for _, place := range []string{inOutput, inFiles, inRecords, inOpen, inArgs, inEnv} {
		if place == inOpen && os.Getuid() != 0 {
			continue
		}
		if !slices.ContainsFunc(hits, func(f finding) bool { return f.place == place }) {
			s.Errorf("control: the secret that was planted is not found: %s", place)
		}
	}
	s.Logf("canary: control: planted in 6 places, %d findings", len(hits))
}

// plant lets a program show a secret in every way there is.
func (s *scenario) plant(secret string) *evidence {
	e := newEvidence("")
	if err := os.MkdirAll(s.path("planted"), 0o700); err != nil {
		s.Fatal(err)
	}
	for _, name := range []string{"file", "r-a.rec", "open"} {
		s.write("planted/"+name, "text "+secret+" text")
	}
	cmd := exec.Command("sh", "-c", `exec 3<planted/open; rm planted/open; echo "$1"; read -r line`, "sh", secret)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + os.Getenv("PATH"), "PLANTED=" + secret}
	var out bytes.Buffer
	cmd.Stdout = &out
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.until("the file is open and has no name", func() bool {
		_, err := os.Stat(s.path("planted/open"))
		return os.IsNotExist(err)
	})
	ctx, stop := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer stop()
	e.watchProcesses(ctx)
	e.addOpenFiles(s.T, cmd.Process.Pid)
	e.addFiles(s.T, s.path("planted"))
	in.Close()
	if err := cmd.Wait(); err != nil && !strings.Contains(err.Error(), "exit status 1") { // read met the end
		s.Error(err)
	}
	e.add(evidenceItem{place: inOutput, name: "sh", content: out.Bytes()})
	return e
}

// list returns how many secrets of each kind there are, and all of them.
func (c *canaries) list() (count map[string]int, secrets []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count = map[string]int{}
	for _, kind := range c.kinds {
		count[kind]++
	}
	return count, slices.Sorted(maps.Keys(c.kinds))
}
