package server_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"regent/agent"
	"regent/ipc/api"
)

// openAPIDocument is the OpenAPI document, as far as this test reads it.
type openAPIDocument struct {
	Paths map[string]map[string]struct {
		RequestBody *struct{ Content map[string]any }
		Responses   map[string]struct {
			Content map[string]struct {
				Schema struct {
					Ref string `json:"$ref"`
				}
			}
		}
	}
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
					checkAnswer(t, compiler, o.Responses, resp, got, refused)
				})
			}
		}
	}
}

// checkAnswer holds one answer against what is described.
func checkAnswer(t *testing.T, c *jsonschema.Compiler, responses map[string]struct {
	Content map[string]struct {
		Schema struct {
			Ref string `json:"$ref"`
		}
	}
}, resp *http.Response, body []byte, refused bool,
) {
	t.Helper()
	at := resp.Request.Method + " " + resp.Request.URL.Path
	want, ok := responses[resp.Status[:3]]
	ref, media := "", resp.Header.Get("Content-Type")
	switch {
	case refused && (ok || media != api.ProblemType):
		t.Errorf("%s, refused: %s %s", at, resp.Status, media)
	case refused:
		ref = "#/components/schemas/Problem"
	case !ok:
		t.Errorf("%s: %s is not described: %s", at, resp.Status, body)
	case want.Content == nil && len(body) > 0:
		t.Errorf("%s: a body that is not described: %s", at, body)
	case want.Content != nil:
		content, ok := want.Content[media]
		if ref = content.Schema.Ref; !ok {
			t.Errorf("%s: %s is not described", at, media)
		}
	}
	if ref == "" {
		return
	}
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
