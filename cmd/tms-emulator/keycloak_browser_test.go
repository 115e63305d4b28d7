//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/agent/tms/admin"
)

// chromium is a real browser without a window, driven over pipes (the Chrome DevTools
// Protocol).
type chromium struct {
	t    *testing.T
	to   *os.File
	from *bufio.Reader
	next int
	tab  string // the session of the one tab
}

// newChromium starts the browser with a profile of its own and a page.
func newChromium(t *testing.T, page string) *chromium {
	t.Helper()
	theirIn, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := exec.Command("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+dir, "--remote-debugging-pipe", "--proxy-server=direct://", "about:blank")
	c.Env = append(os.Environ(), "HOME="+dir)
	c.ExtraFiles = []*os.File{theirIn, theirOut} // its 3 and 4
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // it may have ended already
		_ = c.Wait()                                      // by a signal
		for _, f := range []*os.File{to, from} {
			_ = f.Close() // nothing is waited for
		}
	})
	for _, f := range c.ExtraFiles {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := from.SetReadDeadline(time.Now().Add(startTimeoutLong)); err != nil {
		t.Fatal(err)
	}
	b := &chromium{t: t, to: to, from: bufio.NewReader(from)}
	var made struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": page}, &made)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": made.TargetID, "flatten": true}, &attached)
	b.tab = attached.SessionID
	return b
}

// call makes one call of the protocol. Events are passed over.
func (b *chromium) call(method string, params map[string]any, into any) {
	b.t.Helper()
	b.next++
	m := map[string]any{"id": b.next, "method": method, "params": params}
	if b.tab != "" {
		m["sessionId"] = b.tab
	}
	text, err := json.Marshal(m)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		text, err := b.from.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var answer struct {
			ID     int
			Result json.RawMessage
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(text[:len(text)-1], &answer); err != nil {
			b.t.Fatal(err)
		}
		if answer.ID != b.next {
			continue
		}
		if answer.Error != nil {
			b.t.Fatalf("%s: %s", method, answer.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(answer.Result, into); err != nil {
				b.t.Fatal(err)
			}
		}
		return
	}
}

// eval returns what an expression of JavaScript is on the page, as text. Between two
// pages there is nothing to ask, and it is "".
func (b *chromium) eval(expression string) string {
	b.t.Helper()
	var r struct{ Result struct{ Value any } }
	b.call("Runtime.evaluate", map[string]any{"expression": expression}, &r)
	if r.Result.Value == nil {
		return ""
	}
	return fmt.Sprint(r.Result.Value)
}

// await waits until an expression is true on the page.
func (b *chromium) await(expression string) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); b.eval(expression) != "true"; wait(100 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s does not come true at %s:\n%s", expression, b.eval("location.href"), b.eval("document.body.innerText"))
		}
	}
}

// loginByBrowser logs in with the browser, as a person does, and lists auth tokens.
func (s *testService) loginByBrowser(what string, b admin.Browser) {
	s.t.Helper()
	b.Timeout, b.Scopes = 5*time.Minute, []string{"openid"}
	shown := make(chan string, 1)
	b.Show = func(page string) { shown <- page }
	failed := make(chan error, 1)
	go func() {
		session, err := s.admin.LoginByBrowser(s.t.Context(), b)
		if err == nil {
			_, err = session.AuthTokens(s.t.Context(), admin.AuthFilter{})
		}
		failed <- err
	}()
	var page string
	select {
	case page = <-shown:
	case err := <-failed:
		s.note(what, err, func() string { return "no page" })
		return
	}
	if strings.Contains(page, s.password) || strings.Contains(page, "verifier") {
		s.t.Errorf("the page is %s", page)
	}
	c := newChromium(s.t, page)
	c.await(`document.querySelector("#username") !== null && document.readyState === "complete"`)
	c.eval(fmt.Sprintf(`document.querySelector("#username").value = %q; document.querySelector("#password").value = %q; document.querySelector("#kc-login").click()`, realmUser, s.password))
	c.await(`document.body !== null && document.body.innerText.includes("You can close this page")`)
	if at := c.eval("location.href"); !strings.HasSuffix(at, "/regent/done") {
		s.t.Errorf("the browser ends at %s", at)
	}
	s.note(what, <-failed, func() string { return "may list" })
}

// testLoginByBrowser: the page is where the service says that its people log in, or an
// identity provider of the tenant's own, found by its description.
func testLoginByBrowser(s *testService) {
	s.loginByBrowser("the tenant's", admin.Browser{ClientID: "tmsctl"})
	// The emulator's certificate is for a loopback address, and so is Keycloak: https is
	// asked for elsewhere.
	s.loginByBrowser("by its description", admin.Browser{Issuer: s.keycloak.url + "realms/ems", ClientID: "tmsctl"})
	_, err := s.admin.LoginByBrowser(s.t.Context(), admin.Browser{Issuer: s.keycloak.url + "realms/other", ClientID: "tmsctl"})
	s.note("no such issuer", err, func() string { return "a page" })
}
