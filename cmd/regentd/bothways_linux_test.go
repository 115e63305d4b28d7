package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestBothWays: the daemon gives the same answers and writes the same audit lines whether
// net/http answers or not. An unknown header makes a request net/http's.
func TestBothWays(t *testing.T) {
	bodies := []string{
		`{"application":"cad"}`, `{"application":"cad","instance":"2"}`, `{"application":"cad","instance":"9"}`,
		`{"application":"cam"}`, `{"application":"cad","min_ttl":-1}`, `{"application":"cad","application":"cad"}`, `{"application":"cad"}`,
	}
	var answers, lines [2][]string
	for i, header := range []string{"X-Way: net/http\r\n", ""} {
		socket := startInProcess(t, 3)
		c, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		from := bufio.NewReader(c)
		for _, body := range bodies {
			answers[i] = append(answers[i], answerTo(t, c, from, header, body))
		}
		lines[i] = auditLines(t, filepath.Join(filepath.Dir(socket), "audit.jsonl"))
	}
	if diff := cmp.Diff(answers[0], answers[1]); diff != "" {
		t.Errorf("answers (-net/http +direct):\n%s", diff)
	}
	if diff := cmp.Diff(lines[0], lines[1]); diff != "" || len(lines[0]) != 5 {
		t.Errorf("%d audit lines (-net/http +direct):\n%s", len(lines[0]), diff)
	}
}

// answerTo returns an answer without its times.
func answerTo(t *testing.T, c io.Writer, from *bufio.Reader, header, body string) string {
	t.Helper()
	if _, err := fmt.Fprintf(c, "POST /v1/token HTTP/1.1\r\nHost: regent\r\n%sContent-Length: %d\r\n\r\n%s", header, len(body), body); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	delete(got, "expires_in")
	delete(got, "expires_at")
	r.Header.Del("Date")
	return fmt.Sprint(r.Status, r.Header, got)
}

// auditLines returns the lines of an audit log without their times.
func auditLines(t *testing.T, path string) (out []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		got := map[string]any{}
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "at")
		out = append(out, fmt.Sprint(got))
	}
	return out
}
