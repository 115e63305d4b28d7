package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"regent/ipc/api"
	"regent/platform/layout"
)

const openAPIText = "HTTP/1.1 over the Unix socket /run/regent/agent.sock or the named pipe " + layout.Pipe + ". " +
	"There is no login: the operating system names the calling process. PROTOCOL.md, beside this file, has the rest.\n\n" +
	"An absent property has its empty value: 0, false, an empty text or an empty list. Times are in UTC.\n\n" +
	"Version 1 only adds properties and values. Ignore an unknown property, and treat an unknown `code` by its HTTP status."

// openAPIWriter makes the document.
type openAPIWriter struct {
	*schemaSet
	parameters map[string]parameter
	page       protocol
}

// openAPI returns the interface as an OpenAPI document.
func openAPI(source constants, page protocol) (object, error) {
	schemas, err := newSchemaSet(source, "#/components/schemas/")
	if err != nil {
		return nil, err
	}
	w := openAPIWriter{schemaSet: schemas, page: page}
	w.parameters = parameters(w.schemaSet)
	paths := object{}
	for _, o := range operations {
		if paths[o.path] == nil {
			paths[o.path] = object{}
		}
		paths[o.path].(object)[o.method] = w.operation(o)
	}
	w.of(reflect.TypeFor[api.Event]()) // of the stream: its schema is a text
	tagList := []object{}
	for _, t := range tags {
		tagList = append(tagList, object{"name": t[0], "description": t[1]})
	}
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "Regent's local interface", "version": "1", "description": openAPIText},
		"servers": []object{{"url": "http://regent", "description": "Use any host name. The client connects to the socket or the pipe."}},
		"tags":    tagList,
		"paths":   paths,
		"components": object{"schemas": w.schemas, "responses": w.problems(), "headers": object{
			"Cache-Control": object{"description": "Always `no-store`.", "schema": object{"type": "string"}},
			"Retry-After":   object{"description": "The same as `retry_after`: seconds after which a retry may help.", "schema": object{"type": "integer", "minimum": 1}},
		}},
	}, nil
}

func (w openAPIWriter) operation(o operation) object {
	responses := object{"default": object{"$ref": "#/components/responses/Problem"}}
	for _, status := range o.statuses() {
		responses[strconv.Itoa(status)] = object{"$ref": "#/components/responses/" + problemNames[status]}
	}
	d := object{"operationId": o.id, "tags": []string{o.tag}, "summary": o.summary, "description": o.description, "responses": responses}
	if p := w.parametersOf(o); len(p) > 0 {
		d["parameters"] = p
	}
	if o.asks != nil {
		d["requestBody"] = object{"required": o.path != api.PathInvalidate, "content": w.content(api.ContentType, o.asks)}
		w.schemas[reflect.TypeOf(o.asks).Name()].(object)["additionalProperties"] = false // the daemon refuses unknown ones
	}
	done := object{"description": "The answer."}
	switch {
	case o.answers == nil:
		done["description"] = "Success. There is no body."
		responses["204"] = done
	case o.media != "":
		done["content"] = object{o.media: object{"schema": object{"type": "string"}}}
		responses["200"] = done
	default:
		done["content"] = w.content(api.ContentType, o.answers)
		responses["200"] = done
	}
	if o.media != api.EventType {
		done["headers"] = object{"Cache-Control": object{"$ref": "#/components/headers/Cache-Control"}}
	}
	return d
}

// content returns a body with the schema of v's type and the example of ipc/PROTOCOL.md.
func (w openAPIWriter) content(media string, v any) object {
	schema := w.of(reflect.TypeOf(v))
	body := object{"schema": schema}
	if e, ok := w.page.examples[strings.TrimPrefix(schema["$ref"].(string), w.prefix)]; ok {
		body["example"] = e
	}
	return object{media: body}
}

// parametersOf returns the parameters of the path, then those of the query.
func (w openAPIWriter) parametersOf(o operation) (all []object) {
	add := func(name, in string, required bool) {
		p := w.parameters[name]
		all = append(all, object{"name": name, "in": in, "required": required, "description": p.description, "schema": p.schema, "example": p.example})
	}
	for part := range strings.SplitSeq(o.path, "/") {
		if strings.HasPrefix(part, "{") {
			add(strings.Trim(part, "{}"), "path", true)
		}
	}
	for _, q := range o.query {
		name, required := strings.CutSuffix(q, "!")
		add(name, "query", required)
	}
	return all
}

// problemNames are the names of the responses of errors, by HTTP status.
var problemNames = map[int]string{
	400: "BadRequest", 403: "Forbidden", 404: "NotFound", 408: "RequestTimeout", 409: "Conflict", 410: "Gone", 413: "ContentTooLarge",
	429: "TooManyRequests", 500: "InternalError", 503: "Unavailable",
}

// statuses returns the HTTP statuses of the errors of a call.
func (o operation) statuses() []int {
	all := []int{403, 429, 500, 503}
	if o.asks != nil {
		all = append(all, 408, 413)
	}
	if o.asks != nil || len(o.query) > 0 || strings.Contains(o.path, "{") {
		all = append(all, 400)
	}
	return append(all, o.fails...)
}

// problems returns the responses of errors. Each names its codes.
func (w openAPIWriter) problems() object {
	content := w.content(api.ProblemType, api.Problem{})
	plain := object{api.ProblemType: object{"schema": content[api.ProblemType].(object)["schema"]}}
	response := func(description string, content object) object {
		return object{
			"description": description, "content": content,
			"headers": object{"Retry-After": object{"$ref": "#/components/headers/Retry-After"}},
		}
	}
	all := object{"Problem": response("An error of a later version: act on its `code`, else on its HTTP status.", plain)}
	for status, name := range problemNames {
		all[name] = response(w.codesOf(status), plain)
	}
	all[problemNames[503]].(object)["content"] = content // the example of ipc/PROTOCOL.md is one
	return all
}

// codesOf names the codes with an HTTP status.
func (w openAPIWriter) codesOf(status int) string {
	var codes []string
	for _, k := range w.constants["fault.Kind"] {
		if w.page.codes[k.value].status == status || k.value == "invalid_request" && w.page.forHTTP(status) {
			codes = append(codes, "`"+k.value+"`")
		}
	}
	return "The code is " + strings.Join(codes, " or ") + "."
}

// protocol has the parts of ipc/PROTOCOL.md that the document repeats. A test compares its
// table of codes with the server.
type protocol struct {
	examples map[string]any // by the name of their type
	codes    map[string]protocolCode
}

type protocolCode struct {
	status  int
	meaning string
}

// forHTTP reports whether the code of a malformed request can come with an HTTP status.
func (p protocol) forHTTP(status int) bool {
	return strings.Contains(p.codes["invalid_request"].meaning, strconv.Itoa(status))
}

var (
	exampleBlock = regexp.MustCompile("(?s)<!-- (\\w+) -->\n```json\n(.*?)```")
	codeRow      = regexp.MustCompile(`(?m)^\| ` + "`([a-z_]+)`" + ` \| (\d{3}) \| (.+) \|$`)
)

func readProtocol() (protocol, error) {
	p := protocol{map[string]any{}, map[string]protocolCode{}}
	page, err := os.ReadFile(top + "/ipc/PROTOCOL.md")
	if err != nil {
		return p, err
	}
	for _, m := range exampleBlock.FindAllSubmatch(page, -1) {
		var v any
		if err := json.Unmarshal(m[2], &v); err != nil {
			return p, fmt.Errorf("PROTOCOL.md: %s: %w", m[1], err)
		}
		p.examples[string(m[1])] = v
	}
	for _, m := range codeRow.FindAllSubmatch(page, -1) {
		status, err := strconv.Atoi(string(m[2]))
		if err != nil {
			return p, err
		}
		p.codes[string(m[1])] = protocolCode{status, string(m[3])}
	}
	return p, nil
}
