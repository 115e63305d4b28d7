package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"regent/agent"
	"regent/agent/fault"
	"regent/agent/token"
	"regent/ipc/api"
)

// openAPIDocument is the OpenAPI document, as far as this test reads it.
type openAPIDocument struct {
	Paths      map[string]map[string]openAPIOperation
	Components struct {
		Responses map[string]openAPIResponse
		Schemas   map[string]struct {
			Properties map[string]struct{ Maximum *int64 }
		}
	}
}

type openAPIOperation struct {
	RequestBody *struct{ Content map[string]any }
	Responses   map[string]openAPIResponse
}

type openAPIResponse struct {
	Ref     string `json:"$ref"`
	Headers map[string]any
	Content map[string]struct {
		Schema struct {
			Ref string `json:"$ref"`
		}
	}
}

// response returns what is described for a status of an operation, of which the rest is
// "default".
func (d *openAPIDocument) response(o openAPIOperation, status string) (r openAPIResponse, ok bool) {
	if r, ok = o.Responses[status]; r.Ref != "" {
		r, ok = d.Components.Responses[path.Base(r.Ref)]
	}
	return r, ok
}

const openAPIFile = "../openapi.json"

func readOpenAPI(t *testing.T) (d openAPIDocument, c *jsonschema.Compiler) {
	t.Helper()
	b, err := os.ReadFile(openAPIFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	c = jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return d, c
}

// The document has the paths and methods that the server has, and no other.
func TestOpenAPIPaths(t *testing.T) {
	d, _ := readOpenAPI(t)
	source, err := os.ReadFile("../api/api.go")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, m := range regexp.MustCompile(`\tPath\w+ += "([^"]+)"`).FindAllSubmatch(source, -1) {
		paths = append(paths, string(m[1]))
	}
	if got, want := slices.Sorted(maps.Keys(d.Paths)), slices.Sorted(slices.Values(paths)); !slices.Equal(got, want) {
		t.Errorf("the document has %q, the interface %q", got, want)
	}
	withServer(t, &backend{}, func(t *testing.T, h *testServer) {
		for path, methods := range d.Paths {
			var want []string
			for m := range methods {
				if want = append(want, strings.ToUpper(m)); m == "get" {
					want = append(want, http.MethodHead)
				}
			}
			slices.Sort(want)
			resp, _ := request(t, h, "BREW", path, nil)
			if got := resp.Header.Get("Allow"); got != strings.Join(want, ", ") {
				t.Errorf("%s takes %s, and the document says %s", path, got, want)
			}
		}
	})
}

var example = strings.NewReplacer("{application}", "cad", "{instance}", "2", "{verb}", "recover")

// exampleBodies are valid requests, by path.
var exampleBodies = map[string]string{
	api.PathToken: `{"application":"cad"}`, api.PathRegistration: `{"registration_token":"r"}`,
	api.PathResolve: `{"id":"x","consumed":true}`, api.PathStoreVerb: `{"really":true}`, api.PathInvalidate: `{"generation":7}`,
}

func request(t *testing.T, h *testServer, method, path string, body io.Reader) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://regent"+example.Replace(path), body)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true // the server of the test takes few connections
	resp, err := h.httpClient(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, b
}

// Every answer, and every refusal, is what the document says.
func TestOpenAPIAnswers(t *testing.T) {
	d, compiler := readOpenAPI(t)
	for path, methods := range d.Paths {
		if path == api.PathWatch {
			continue // it has no end; TestWatch reads it
		}
		for method, o := range methods {
			for _, refused := range []bool{false, true} {
				var body io.Reader
				if o.RequestBody != nil {
					body = strings.NewReader(map[bool]string{false: exampleBodies[path], true: `{"unknown":1}`}[refused])
				}
				url := path
				if path == api.PathExplain {
					url += map[bool]string{false: "?pid=42&application=cad", true: "?pid=x"}[refused]
				}
				if refused && body == nil && url == path {
					continue // nothing about it can be wrong
				}
				withServer(t, &backend{grant: longGrant(), changes: make(chan *agent.Event)}, func(t *testing.T, h *testServer) {
					resp, got := request(t, h, strings.ToUpper(method), url, body)
					if refused != (resp.StatusCode >= http.StatusBadRequest) {
						t.Errorf("%s %s, refused %v: %s", method, path, refused, resp.Status)
					}
					checkAnswer(t, &d, compiler, o, resp, got)
				})
			}
		}
	}
}

// Every fault of the agent is an answer of the document: each call has those about the
// caller and the daemon, and a call for a token has all.
func TestOpenAPIFaults(t *testing.T) {
	d, compiler := readOpenAPI(t)
	for path, methods := range d.Paths {
		for method, o := range methods {
			kinds := []fault.Kind{fault.Denied, fault.Throttled, fault.Unavailable, fault.StoreLocked, fault.Internal}
			if path == api.PathToken {
				kinds = fault.Kinds()
			}
			for _, kind := range kinds {
				b := &backend{err: fault.New("test", kind, nil).WithInstance("cad/1").WithRetry(time.Second)}
				withServer(t, b, func(t *testing.T, h *testServer) {
					url := path
					if path == api.PathExplain || path == api.PathWatch {
						url += "?pid=42&application=cad"
					}
					resp, got := request(t, h, strings.ToUpper(method), url, strings.NewReader(exampleBodies[path]))
					if !strings.Contains(string(got), string(kind)) {
						t.Errorf("%s %s: want %s, got %s", method, path, kind, got)
					}
					checkAnswer(t, &d, compiler, o, resp, got)
				})
			}
		}
	}
}

// The largest numbers of the document are those of the server.
func TestOpenAPILimits(t *testing.T) {
	d, _ := readOpenAPI(t)
	for _, tt := range []struct{ schema, property, path, body string }{
		{"TokenRequest", "min_ttl", api.PathToken, `{"application":"cad","min_ttl":%d}`},
		{"TokenRequest", "wait", api.PathToken, `{"application":"cad","wait":%d}`},
		{"RegistrationRequest", "wait", api.PathRegistration, `{"registration_token":"r","wait":%d}`},
	} {
		most := d.Components.Schemas[tt.schema].Properties[tt.property].Maximum
		if most == nil {
			t.Errorf("%s.%s has no maximum", tt.schema, tt.property)
			continue
		}
		for over, want := range []int{http.StatusOK, http.StatusBadRequest} {
			withServer(t, &backend{grant: longGrant()}, func(t *testing.T, h *testServer) {
				if resp, _ := request(t, h, http.MethodPost, tt.path, strings.NewReader(fmt.Sprintf(tt.body, *most+int64(over)))); resp.StatusCode != want {
					t.Errorf("%s of %d: %s", tt.property, *most+int64(over), resp.Status)
				}
			})
		}
	}
}

// The data of each event is an Event of the document.
func TestOpenAPIEvents(t *testing.T) {
	_, compiler := readOpenAPI(t)
	for _, state := range token.States() {
		b, err := json.Marshal(api.Event{Instance: "cad/1", State: string(state), Generation: 1})
		if err != nil {
			t.Fatal(err)
		}
		checkBody(t, compiler, "an event", "#/components/schemas/Event", b)
	}
}

// checkAnswer holds one answer against what is described.
func checkAnswer(t *testing.T, d *openAPIDocument, c *jsonschema.Compiler, o openAPIOperation, resp *http.Response, body []byte) {
	t.Helper()
	at := resp.Request.Method + " " + resp.Request.URL.Path
	want, ok := d.response(o, resp.Status[:3])
	media := resp.Header.Get("Content-Type")
	content, known := want.Content[media]
	switch {
	case !ok:
		t.Errorf("%s: %s is not described: %s", at, resp.Status, body)
	case want.Content == nil && len(body) > 0:
		t.Errorf("%s: a body that is not described: %s", at, body)
	case want.Content != nil && !known:
		t.Errorf("%s: %s is not described", at, media)
	}
	for _, name := range []string{"Retry-After", "Cache-Control"} {
		if _, described := want.Headers[name]; resp.Header.Get(name) != "" && !described {
			t.Errorf("%s: %s: the header %s is not described", at, resp.Status, name)
		}
	}
	if content.Schema.Ref != "" {
		checkBody(t, c, at, content.Schema.Ref, body)
	}
}

// checkBody holds a body against a schema.
func checkBody(t *testing.T, c *jsonschema.Compiler, at, ref string, body []byte) {
	t.Helper()
	s, err := c.Compile("openapi.json" + ref)
	if err != nil {
		t.Fatal(err)
	}
	// The backend of these tests leaves lists out, which the agent never does.
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.ReplaceAll(body, []byte(":null"), []byte(":[]"))))
	if err == nil {
		err = s.Validate(doc)
	}
	if err != nil {
		t.Errorf("%s: %v: %s", at, err, body)
	}
}
