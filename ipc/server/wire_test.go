package server_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/agent/fault"
	"regent/ipc/api"
)

func post(path, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: regent\r\nConnection: close\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func get(line string, headers ...string) string {
	return line + " HTTP/1.1\r\nConnection: close\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

const host = "Host: regent"

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		status    int
		code      fault.Kind
		detail    string
	}{
		{"Origin", get("GET /v1/status", host, "Origin: http://evil.example"), 403, fault.Denied, "browser"},
		{"empty Origin", get("GET /v1/status", host, "Origin:"), 403, fault.Denied, "browser"},
		{"Referer", get("GET /v1/status", host, "Referer: http://evil.example/"), 403, fault.Denied, "browser"},
		{"foreign Host", get("GET /v1/status", "Host: evil.example"), 403, fault.Denied, `Host is "evil.example"`},
		{"Host with a port", get("GET /v1/status", "Host: localhost:80"), 403, fault.Denied, "must be regent or localhost"},
		{"absolute form", get("GET http://evil.example/v1/status", host), 403, fault.Denied, "evil.example"},
		{"unknown path", get("GET /v2/status", host), 404, fault.InvalidRequest, "unknown path"},
		{"path that is not clean", get("GET //v1/status", host), 404, fault.InvalidRequest, "unknown path"},
		{"path upwards", get("GET /v1/x/../status", host), 404, fault.InvalidRequest, "unknown path"},
		{"slash at the end", get("GET /v1/status/", host), 404, fault.InvalidRequest, "unknown path"},
		{"asterisk", get("OPTIONS *", host), 404, fault.InvalidRequest, "unknown path"},
		{"CONNECT", get("CONNECT regent", host), 404, fault.InvalidRequest, "unknown path"},
		{"method", get("GET /v1/token", host), 405, fault.InvalidRequest, "accepts only POST"},
		{"method of a path with names", get("GET /v1/instances/cad/1/lease", host), 405, fault.InvalidRequest, "accepts only DELETE"},
		{"application in the path", get("DELETE /v1/instances/CAD/1/lease", host), 400, fault.InvalidRequest, "application"},
		{"hidden slash in the path", get("DELETE /v1/instances/cad%2F1/1/lease", host), 400, fault.InvalidRequest, "application"},
		{"number in the path", get("DELETE /v1/instances/cad/01/lease", host), 400, fault.InvalidRequest, "instance"},
		{"empty body", post("/v1/token", ""), 400, fault.InvalidRequest, "it is empty"},
		{"no JSON", post("/v1/token", "application=cad"), 400, fault.InvalidRequest, "PROTOCOL.md"},
		{"half an object", post("/v1/token", `{"application":"cad"`), 400, fault.InvalidRequest, "unexpected end of JSON input"},
		{"unknown field", post("/v1/token", `{"application":"cad","program":"x"}`), 400, fault.InvalidRequest, `unknown field "program"`},
		{"wrong type", post("/v1/token", `{"application":"cad","instance":1}`), 400, fault.InvalidRequest, "instance"},
		{"trailing object", post("/v1/token", `{"application":"cad"}{}`), 400, fault.InvalidRequest, "after top-level value"},
		{"trailing rubbish", post("/v1/token", `{"application":"cad"}x`), 400, fault.InvalidRequest, "after top-level value"},
		{"no application", post("/v1/token", `{}`), 400, fault.InvalidRequest, "application"},
		{"null", post("/v1/token", `null`), 400, fault.InvalidRequest, "not an object"},
		{"number", post("/v1/token", `{"application":"cad","instance":"0"}`), 400, fault.InvalidRequest, "instance"},
		{"negative min_ttl", post("/v1/token", `{"application":"cad","min_ttl":-1}`), 400, fault.InvalidRequest, "min_ttl is -1"},
		{"min_ttl that overflows", post("/v1/token", `{"application":"cad","min_ttl":9223372036854775807}`), 400, fault.InvalidRequest, "min_ttl is"},
		{"long wait", post("/v1/token", `{"application":"cad","wait":3601}`), 400, fault.InvalidRequest, "0 to 3600 seconds"},
		{"large body", post("/v1/token", `{"application":"`+strings.Repeat("x", 64<<10)+`"}`), 413, fault.InvalidRequest, "larger than 65536 bytes"},
		{"large space behind the body", post("/v1/token", `{"application":"cad"}`+strings.Repeat(" ", 64<<10)), 413, fault.InvalidRequest, "larger"},
		{"no registration token", post("/v1/registration", `{"source":"stdin"}`), 400, fault.InvalidRequest, "registration_token"},
		{"source of two lines", post("/v1/registration", `{"registration_token":"r","source":"a\nb"}`), 400, fault.InvalidRequest, "source"},
		{"resolution of nothing", post("/v1/ledger/resolve", `{"consumed":true}`), 400, fault.InvalidRequest, "id: "},
		{"resolution without a decision", post("/v1/ledger/resolve", `{"id":"regent-1"}`), 400, fault.InvalidRequest, "consumed: it is missing"},
		{"application of a registration", post("/v1/registration", `{"registration_token":"r","application":"-"}`), 400, fault.InvalidRequest, "application"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := &backend{grant: longGrant()}
			withServer(t, b, func(t *testing.T, h *testServer) {
				raw, _ := sendRaw(t, h, tt.raw)
				p := problemOf(t, raw)
				if p.Status != tt.status || p.Code != string(tt.code) || !strings.Contains(p.Detail, tt.detail) {
					t.Errorf("got %+v, want %d %s with %q", p, tt.status, tt.code, tt.detail)
				}
				if b.asked != nil {
					t.Errorf("the agent was asked: %v", b.asked)
				}
			})
		})
	}
}

// TestRejectedCallerIsLogged: who is refused before the agent is asked is in no
// audit log, so the log has it at its usual level; what the agent decided is in
// the audit log, and is for the curious here.
func TestRejectedCallerIsLogged(t *testing.T) {
	for _, tt := range []struct {
		name, raw string
		calls     int
		level     string
		detail    string
	}{
		{"a browser", get("GET /v1/status", host, "Origin: http://evil.example"), 1, "INFO", "come from a browser"},
		{"a browser's link", get("GET /v1/status", host, "Referer: http://evil.example/"), 1, "INFO", "come from a browser"},
		{"a foreign Host", get("GET /v1/status", "Host: evil.example"), 1, "INFO", "must be regent or localhost"},
		{"too many calls", get("GET /v1/ledger", host), 101, "INFO", "sends too many calls"},
		{"no right", post("/v1/token", `{"application":"cad"}`), 1, "DEBUG", "token: denied"},
		{"unknown path", get("GET /v2/status", host), 1, "DEBUG", "unknown path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			withServer(t, &backend{err: fault.New("token", fault.Denied, nil)}, func(t *testing.T, h *testServer) {
				for range tt.calls {
					sendRaw(t, h, tt.raw)
				}
				if line := lastLine(linesWith(h, tt.detail)); !strings.Contains(line, "level="+tt.level) {
					t.Errorf("the line with %q is %q, want one of level %s", tt.detail, line, tt.level)
				}
			})
		})
	}
}

// TestRepeatedFailuresAreCounted: a burst is one line at once, and one with its
// number later, though it does not come again.
func TestRepeatedFailuresAreCounted(t *testing.T) {
	withServer(t, &backend{}, func(t *testing.T, h *testServer) {
		foreign := get("GET /v1/status", "Host: evil.example")
		sendRaw(t, h, foreign)
		time.Sleep(3 * time.Minute) // so that the minute of the burst is its own
		for range 1000 {
			sendRaw(t, h, foreign)
		}
		sendRaw(t, h, get("GET /v1/status", host))
		if got := linesWith(h, "level=INFO"); len(got) != 2 {
			t.Errorf("%d lines at once, want 2: %s", len(got), got)
		}
		time.Sleep(2 * time.Minute)
		sendRaw(t, h, get("GET /v1/status", host))
		if got := linesWith(h, "level=INFO"); len(got) != 3 || !strings.Contains(got[2], `user=1000 op="check host" kind=denied times=999`) {
			t.Errorf("two minutes later: %s, want another line with the number", got)
		}
	})
}

// TestDifferentFailureIsLogged: that something of a kind failed is no reason to keep
// quiet about what is another failure of the kind.
func TestDifferentFailureIsLogged(t *testing.T) {
	full := errors.New("no space left on device")
	b := &backend{err: fault.New("token", fault.Unavailable, full)}
	withServer(t, b, func(t *testing.T, h *testServer) {
		for _, raw := range []string{
			get("GET /v1/status", "Host: evil.example"),
			get("GET /v1/status", host, "Origin: http://evil.example"), // another check
			post("/v1/token", `{"application":"cad"}`),
			get("GET /v1/ledger", host), // another route
		} {
			sendRaw(t, h, raw)
			sendRaw(t, h, raw)
		}
		b.err = fault.New("attest", fault.Unavailable, errors.New("permission denied")) // another operation
		sendRaw(t, h, get("GET /v1/ledger", host))
		if got := linesWith(h, "level=INFO"); len(got) != 5 {
			t.Errorf("%d lines, want 5: %s", len(got), got)
		}
	})
}

// linesWith returns the lines of the log with all of the texts.
func linesWith(h *testServer, texts ...string) []string {
	var out []string
	for line := range strings.Lines(h.log.String()) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			out = append(out, line)
		}
	}
	return out
}

func lastLine(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// problemOf reads a response that must be a problem in every respect.
func problemOf(t *testing.T, raw string) api.Problem {
	t.Helper()
	resp := readResponse(t, raw)
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != api.ProblemType {
		t.Errorf("Content-Type = %q", got)
	}
	if resp.ContentLength != int64(len(body)) {
		t.Errorf("Content-Length = %d for %d bytes", resp.ContentLength, len(body))
	}
	if allow := resp.Header.Get("Allow"); (allow != "") != (resp.StatusCode == 405) {
		t.Errorf("Allow = %q with status %d", allow, resp.StatusCode)
	}
	var p api.Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	if p.Status != resp.StatusCode || p.Type != "about:blank" || p.Title == "" {
		t.Errorf("problem %+v with status %d", p, resp.StatusCode)
	}
	return p
}

func TestContentLength(t *testing.T) {
	withServer(t, &backend{grant: longGrant()}, func(t *testing.T, h *testServer) {
		raw, _ := sendRaw(t, h, post("/v1/token", `{"application":"cad"}`))
		resp := readResponse(t, raw)
		if resp.StatusCode != 200 || resp.ContentLength < 4000 || resp.TransferEncoding != nil {
			t.Errorf("status %d, length %d, %v", resp.StatusCode, resp.ContentLength, resp.TransferEncoding)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control = %q", got)
		}
	})
}

func TestLargeHeader(t *testing.T) {
	withServer(t, &backend{}, func(t *testing.T, h *testServer) {
		raw, _ := sendRaw(t, h, get("GET /v1/status", host, "X: "+strings.Repeat("x", 7<<10)))
		if got := readResponse(t, raw).StatusCode; got != 200 {
			t.Errorf("a header below the limit: %d", got)
		}
		if got := largeHeader(t, h); got != 431 {
			t.Errorf("a header above the limit: %d, want 431", got)
		}
	})
}

// largeHeader writes more than the server reads, so writing may fail.
func largeHeader(t *testing.T, h *testServer) int {
	t.Helper()
	c, err := h.ln.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go io.WriteString(c, get("GET /v1/status", host, "X: "+strings.Repeat("x", 9<<10)))
	b, _ := io.ReadAll(c)
	return readResponse(t, string(b)).StatusCode
}

func TestAcceptedHosts(t *testing.T) {
	for _, name := range []string{"regent", "localhost"} {
		withServer(t, &backend{}, func(t *testing.T, h *testServer) {
			raw, _ := sendRaw(t, h, get("GET /v1/status", "Host: "+name))
			if got := readResponse(t, raw).StatusCode; got != 200 {
				t.Errorf("Host %s: %d", name, got)
			}
		})
	}
}
