// Package exchangetest is a test server that plays the golden exchanges.
//
// It compares what a client sends with the request of a file, and answers with the
// file's response. It shares no type with the emulator, and does not know the clients
// that it tests.
package exchangetest

import (
	"bufio"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// Exchange is one golden file: what is sent, and what is answered.
type Exchange struct {
	Name     string
	Method   string
	Target   *url.URL // path and query, with placeholders
	Header   http.Header
	Body     string
	Response Response
}

// Response is the golden answer, with placeholders.
type Response struct {
	Status int
	Header http.Header
	Body   string
}

// Load reads a golden file of dir, which is the way to testdata/exchanges.
func Load(t *testing.T, dir, name string) Exchange {
	t.Helper()
	archive, err := txtar.ParseFile(dir + "/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	x := Exchange{Name: name}
	sections := map[string]string{}
	for _, f := range archive.Files {
		sections[f.Name] = string(f.Data)
	}
	x.readRequest(t, sections["request"])
	x.readResponse(t, sections["response"])
	return x
}

func (x *Exchange) readRequest(t *testing.T, text string) {
	t.Helper()
	head, body := split(t, x.Name, text)
	line, header, _ := strings.Cut(head, "\n")
	parts := strings.Fields(line)
	if len(parts) != 3 {
		t.Fatalf("%s: request line %q", x.Name, line)
	}
	path, query, _ := strings.Cut(parts[1], "?")
	x.Method, x.Target = parts[0], &url.URL{Path: path, RawQuery: query}
	x.Header, x.Body = headers(header), body
}

func (x *Exchange) readResponse(t *testing.T, text string) {
	t.Helper()
	head, body := split(t, x.Name, text)
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(head+"\n\n")), nil)
	if err != nil {
		t.Fatalf("%s: response: %v", x.Name, err)
	}
	if err := r.Body.Close(); err != nil {
		t.Fatal(err)
	}
	x.Response = Response{Status: r.StatusCode, Header: r.Header, Body: body}
}

func split(t *testing.T, name, text string) (head, body string) {
	t.Helper()
	head, body, ok := strings.Cut(text, "\n\n")
	if !ok {
		t.Fatalf("%s: no blank line after the header in %q", name, text)
	}
	return head, strings.TrimSuffix(body, "\n")
}

func headers(text string) http.Header {
	h := http.Header{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			h.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
	}
	return h
}
