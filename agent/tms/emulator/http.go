package emulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// base is where the service is on a tenant's host.
const base = "/token/api/v5"

// maxBody is more than any request needs.
const maxBody = 64 << 10

// call is one request as the handlers see it: read, and with the service's
// settings and time as they were when it came.
type call struct {
	*http.Request
	body  []byte
	knobs Knobs
	now   time.Time
}

// answer is the answer to a request. At most one of body and html is set.
type answer struct {
	status int
	header http.Header // may be nil
	body   any         // as JSON
	html   string
}

// endpoint handles one method at one path.
type endpoint struct {
	class  Class
	handle func(*call) answer
}

// route is a path with its methods.
type route struct {
	path    string
	oidc    bool // errors are in the identity provider's shape
	methods map[string]endpoint
}

func (e *Emulator) routes() *http.ServeMux {
	realm := e.path + "realms/{realm}/"
	admin := func(h func(*call) answer) endpoint { return endpoint{ClassAdmin, e.administrator(h)} }
	mux := http.NewServeMux()
	for _, rt := range []route{
		{base + "/idpConfigurations", false, map[string]endpoint{"GET": {ClassDiscover, e.idpConfigurations}}},
		{base + "/registrationTokens", false, map[string]endpoint{
			"POST": admin(e.createRegistration), "GET": admin(e.listRegistrations),
		}},
		{base + "/registrationTokens/{id}", false, map[string]endpoint{
			"GET": admin(e.showRegistration), "PATCH": admin(e.updateRegistration), "DELETE": admin(e.deleteRegistration),
		}},
		{base + "/authTokens", false, map[string]endpoint{
			"POST": {ClassRedeem, e.redeem}, "GET": admin(e.listAuthTokens),
		}},
		{base + "/authTokens/{id}", false, map[string]endpoint{
			"PATCH": {ClassRefresh, e.refreshAuthToken}, "GET": admin(e.showAuthToken), "DELETE": admin(e.removeAuthToken),
		}},
		{base + "/clients", false, map[string]endpoint{"GET": admin(e.listClients)}},
		{base + "/clients/{id}", false, map[string]endpoint{"GET": admin(e.showClient)}},
		{realm + "protocol/openid-connect/token", true, map[string]endpoint{"POST": {ClassLogin, e.token}}},
		{realm + "protocol/openid-connect/certs", true, map[string]endpoint{"GET": {ClassOther, e.keys}}},
		{realm + ".well-known/openid-configuration", true, map[string]endpoint{"GET": {ClassOther, e.discovery}}},
		{"/", false, nil},
	} {
		if rt.oidc && e.idp != nil {
			continue // two identity providers would be one too many
		}
		mux.HandleFunc(rt.path, func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, rt) })
	}
	return mux
}

// open reads a request, and finds its endpoint.
func (e *Emulator) open(w http.ResponseWriter, r *http.Request, rt route) (*call, endpoint) {
	c := &call{Request: r, knobs: e.Knobs(), now: e.Time()}
	var err error
	c.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return c, refuseAll(errTooLarge)
	} else if err != nil {
		return c, refuseAll(errBodyLost)
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	ep, ok := rt.methods[method]
	if rt.oidc && r.PathValue("realm") != e.realm {
		ep.handle = func(*call) answer { return refused(errRealm) }
	}
	switch {
	case ok && rt.oidc && c.grantType() == "refresh_token":
		ep.class = ClassRefresh // both grants have one path
	case !ok && len(rt.methods) == 0:
		return c, refuseAll(errNoSuchPath)
	case !ok:
		allow := strings.Join(slices.Sorted(maps.Keys(rt.methods)), ", ")
		return c, endpoint{ClassOther, func(*call) answer {
			return answer{status: errMethod.status, header: http.Header{"Allow": {allow}}, body: errMethod}
		}}
	}
	return c, ep
}

func refuseAll(err error) endpoint {
	return endpoint{ClassOther, func(*call) answer { return refused(err) }}
}

// grantType returns "" if the body is not a form or says it more than once.
func (c *call) grantType() string {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || len(form["grant_type"]) != 1 {
		return ""
	}
	return form.Get("grant_type")
}

// decode reads a JSON body. It is strict, types and names of fields alike: a
// client's spelling mistake should be found here, and not at a customer's.
//
// The content stands in the member wrapper, or bare, as the dialect has it. read
// is false if a lenient service ignores a body in the other form.
func (c *call) decode(wrapper string, v any) (read bool, err error) {
	if !c.holds("application/json") {
		return false, errNotJSON
	}
	body, wrapped := unwrapped(c.body, wrapper)
	if !wrapped {
		body = c.body
	}
	if wrapped != (c.knobs.Dialect == Family) {
		switch c.knobs.RequestBody {
		case BodyStrict:
			return false, wrongForm(wrapper, wrapped)
		case BodyLenient:
			return false, nil
		case BodyEither:
		}
	}
	if err := decodeStrict(body, v); err != nil {
		return false, invalidBody(err)
	}
	if name, found := emptyMember(body); found && c.knobs.Dialect == Family && c.knobs.RequestBody == BodyStrict {
		return false, invalidField(name, "must not be empty; leave it out")
	}
	return true, nil
}

// holds reports whether the body says that it is of a media type.
func (c *call) holds(mediaType string) bool {
	t, _, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	return err == nil && t == mediaType
}

func decodeStrict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON value")
	}
	return nil
}

// credential returns the credentials in the Authorization header, without the scheme.
func (c *call) credential(scheme string) (string, bool) {
	got, rest, ok := strings.Cut(c.Header.Get("Authorization"), " ")
	rest = strings.TrimSpace(rest)
	return rest, ok && strings.EqualFold(got, scheme) && rest != ""
}

// origin is the scheme and host that the client used.
func (c *call) origin() string {
	if c.TLS == nil {
		return "http://" + c.Host
	}
	return "https://" + c.Host
}

// refused is the reply with the reason of a refusal.
func refused(err error) answer {
	if r, ok := errors.AsType[*refusal](err); ok {
		return answer{status: r.status, body: r}
	}
	if o, ok := errors.AsType[*oauthRefusal](err); ok {
		return answer{status: o.status, header: noStore(), body: o}
	}
	return answer{status: http.StatusInternalServerError, body: serviceFault(http.StatusInternalServerError)}
}

// success is the status of a successful request.
func (c *call) success() int {
	if c.Method == http.MethodPost {
		return http.StatusCreated
	}
	return http.StatusOK
}

// removed is the answer to a deletion.
func removed(err error) answer {
	if err != nil {
		return refused(err)
	}
	return answer{status: http.StatusNoContent}
}

// noStore marks an answer that holds tokens.
func noStore() http.Header { return http.Header{"Cache-Control": {"no-store"}} }

func (a answer) write(w http.ResponseWriter, now time.Time) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Date", now.Format(http.TimeFormat))
	if a.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	body := []byte(a.html)
	if a.html != "" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	} else if a.body != nil {
		w.Header().Set("Content-Type", "application/json")
		body, _ = json.Marshal(a.body) // our own types, which always marshal
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // nobody left to tell
}
