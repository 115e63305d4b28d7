package policy

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"regent/agent/tms/contract"
)

// Resolved is the effective configuration with the origin of each value. It is immutable and
// safe for concurrent use.
type Resolved struct {
	Settings Settings

	entries map[string][]entry // by key, the effective one last
	ids     []string           // ids of all applications
}

// Resolve merges the layers: by rank, and within a rank in the given order. It returns
// every problem of every layer, and does no I/O.
//
// It ignores a value with a problem, so the next lower layer applies. If that value is not
// managed, its problem is fatal. The caller may then only show the result. See [Fatal].
func Resolve(layers ...Layer) (Resolved, []Problem) {
	layers = slices.Clone(layers)
	slices.SortStableFunc(layers, func(a, b Layer) int { return cmp.Compare(a.Rank, b.Rank) })

	res := Resolved{entries: map[string][]entry{}}
	var problems []Problem
	for _, l := range layers {
		entries, found := read(l)
		problems = append(problems, found...)
		for _, e := range entries {
			res.entries[e.key] = append(res.entries[e.key], e)
		}
	}
	for key := range res.entries {
		if id, ok := strings.CutSuffix(key, ".id"); ok {
			res.ids = append(res.ids, strings.TrimPrefix(id, "applications."))
		}
	}
	slices.Sort(res.ids)
	problems = append(problems, res.tokenNotKept("refresh.on_refresh_expired", RedeemAgain, "on_refresh_expired: wait")...)
	problems = append(problems, res.tokenNotKept("refresh.mode", contract.ModeTMSRegistration, "mode: auto")...)
	problems = append(problems, res.build()...)
	return res, problems
}

// tokenNotKept reports a value that needs a kept registration token, if none is kept. It
// removes the value, so that a lower layer or the default applies. The problem is fatal
// unless one of the two values is managed. A policy must not prevent the start, and a lower
// layer must not override a policy that keeps no token.
func (res *Resolved) tokenNotKept(choice, word, instead string) []Problem {
	const need = "keep_registration_token"
	keep := res.last(need)
	var problems []Problem
	for {
		last := res.last(choice)
		if last.value != word || keep.value == true {
			return problems
		}
		managed := last.origin.Rank == Managed || keep.origin.Rank == Managed
		problems = append(problems, Problem{
			Origin: last.origin, Key: choice, Fatal: !managed,
			Text: "is " + word + ", which needs a kept registration token, but " + need + " is false (" + keep.origin.String() +
				"); write " + need + ": true, or " + instead,
		})
		set := res.entries[choice]
		res.entries[choice] = set[:len(set)-1]
	}
}

// last returns the effective entry, or the zero value if there is none.
func (res *Resolved) last(key string) entry {
	if set := res.entries[key]; len(set) > 0 {
		return set[len(set)-1]
	}
	return entry{}
}

// build fills in the settings. It reports applications without a tenant and those without
// an allow rule.
func (res *Resolved) build() []Problem {
	for _, d := range keysOf() {
		res.set(d, &res.Settings)
	}
	var problems []Problem
	for _, id := range res.ids {
		app := res.application(id)
		named := res.entries[applicationKey(id, "id")]
		p := Problem{Origin: named[0].origin, Key: "applications." + id}
		if app.Tenant == "" {
			p.Text = "has no tenant, so it is ignored; write tenant: at the top of config.yaml, or beside the id"
			problems = append(problems, p)
			continue
		}
		if len(app.Allow) == 0 {
			p.Text = "has no allow rule, so every request is denied; write one such as allow: [{groups: [engineering]}]"
			problems = append(problems, p)
		}
		res.Settings.Applications = append(res.Settings.Applications, app)
	}
	return problems
}

func (res *Resolved) application(id string) Application {
	app := Application{Origin: res.entries[applicationKey(id, "id")][0].origin.String()}
	for _, d := range applicationKeys(id) {
		res.set(d, &app)
	}
	if app.Tenant == "" {
		app.Tenant = res.Settings.Tenant
	}
	app.InstancesOrigin = app.Origin
	if instances := res.last(applicationKey(id, "instances")); instances.value != nil {
		app.InstancesOrigin = instances.origin.String()
	}
	return app
}

// set sets the field of target to the effective value or the default.
func (res *Resolved) set(d Definition, target any) {
	v := res.last(d.Key).value
	if v == nil {
		v = d.Default
	}
	if v != nil {
		d.field(target).Set(reflect.ValueOf(v))
	}
}
