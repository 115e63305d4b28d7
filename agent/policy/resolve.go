package policy

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"regent/agent/tms/contract"
)

// Resolved is the effective configuration and where each value came from. It
// is a value: nothing changes it, and it may be shared between goroutines.
type Resolved struct {
	Settings Settings

	entries map[string][]entry // of each key that is set, the effective one last
	ids     []string           // of the applications that some layer names
}

// Resolve merges the layers: by rank, and within a rank in the order given. It
// reports every problem of every layer, and does no I/O.
//
// A value with a problem is set aside alone, and the next lower layer rules. If
// that value is not managed, its problem is fatal: the caller must not go on
// with the result, except to show it. See [Fatal].
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

// tokenNotKept finds a choice that needs a registration token, where none is
// kept. If policy has a hand in it, the choice that needs none rules: a policy
// must not stop the start, and one that says to keep no token is not to be
// overridden from below.
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
			Text: "is " + word + ", but " + need + " is false (" + keep.origin.String() +
				"), so there would be no registration token to do it with; write " + need + ": true, or " + instead,
		})
		set := res.entries[choice]
		res.entries[choice] = set[:len(set)-1]
	}
}

// last returns the effective entry; the zero value if there is none.
func (res *Resolved) last(key string) entry {
	if set := res.entries[key]; len(set) > 0 {
		return set[len(set)-1]
	}
	return entry{}
}

// build fills in the settings, and reports the applications that cannot work.
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
			p.Text = "has no tenant, so it is left out; write tenant: at the top of config.yaml, or beside the id"
			problems = append(problems, p)
			continue
		}
		if len(app.Allow) == 0 {
			p.Text = "has no allow rule, so nobody may use it; write one such as allow: [{groups: [engineering]}]"
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
	return app
}

// set puts the effective value, or the default, into the field of target.
func (res *Resolved) set(d Definition, target any) {
	v := res.last(d.Key).value
	if v == nil {
		v = d.Default
	}
	if v != nil {
		d.field(target).Set(reflect.ValueOf(v))
	}
}
