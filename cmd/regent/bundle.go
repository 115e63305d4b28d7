package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"regent/agent/doctor"
	"regent/agent/status"
	"regent/ipc/api"
)

// bundle is the data for support, before any member is left out.
type bundle struct {
	About  bundleAbout
	Status status.Status
	Doctor bundleDoctor
	Policy []api.PolicyKey
	Store  *api.Store
	Ledger []api.LedgerEntry
}

type bundleAbout struct {
	Made      time.Time `json:"made"`
	Program   string    `json:"program"`
	Daemon    string    `json:"daemon"`
	UserNames bool      `json:"user_names"`
	Missing   []string  `json:"missing"` // missing parts, and the reasons
}

type bundleDoctor struct {
	doctor.Report
	ServiceChecks []doctor.ServiceCheck `json:"service_checks"`
	Denials       []doctor.Denial       `json:"denials"`
}

// bundleParts are the files of a bundle, and the paths of the allowed members of their
// JSON. A new member elsewhere is not in a bundle by default. Before you add it here,
// check that it cannot have a secret. The word after a colon says how a member may name
// users.
var bundleParts = []struct{ file, what, members string }{
	{"about.json", "date, versions and missing parts", "made program daemon user_names missing"},
	{"status.json", "the status", `started_at now health summary store.state store.guard
		counts.confirmed counts.uncertain problems.source problems.detail:text
		tenants.host tenants.reachable tenants.clock_skew_seconds tenants.last_fault.detail:text
		tenants.registration_token.fingerprint tenants.registration_token.source:whole
		applications.id applications.tenant applications.rules applications.on_demand
		applications.instances.instance applications.instances.state applications.instances.since
		applications.instances.generation applications.instances.leased applications.instances.expires_in
		applications.instances.holder.user:name applications.instances.holder.exe:path
		applications.instances.last_fault.code applications.instances.last_fault.detail:text
		applications.instances.redeem_asked`},
	{"doctor.json", "the findings of regent doctor, and the checks of the services", `checked
		findings.code findings.severity findings.subject findings.evidence:text
		service_checks.host service_checks.proxy service_checks.step service_checks.failure service_checks.status service_checks.issuer service_checks.provider
		denials.application denials.user:name denials.exe:path denials.reason:whole denials.at denials.times`},
	{"policy.json", "the keys of the configuration that somebody set", "key value level source status"},
	{"store.json", "the state of the store, without records", "state guard why binding records damaged.path damaged.why ledger"},
	{"ledger.json", "the redemptions", "at kind instance tenant identifier code status by:name"},
}

// How a member may name users.
const (
	nameOfUser = "name"  // it is a user's name
	pathOfUser = "path"  // its directory may be a user's
	textOfUser = "text"  // it may repeat a name that another member has
	allOfUser  = "whole" // it says who did something, in words
)

// redacted replaces a user's name.
const redacted = "(left out)"

// bundleFile is one file of the bundle.
type bundleFile struct {
	name, what string
	content    []byte
}

// files returns the files of the bundle. They have names of users only if
// About.UserNames is set.
func (b bundle) files() ([]bundleFile, error) {
	if !b.About.UserNames {
		b.hideRules()
	}
	var names []string
	collect := func(how, text string) string {
		if how == nameOfUser && text != "" {
			names = append(names, text)
		}
		return text
	}
	values := []any{b.About, b.Status, b.Doctor, b.Policy, b.Store, b.Ledger}
	for i, part := range bundleParts {
		value, err := jsonValue(values[i])
		if err != nil {
			return nil, fmt.Errorf("[unexpected] encode %s: %w", part.file, err)
		}
		values[i] = parseMembers(part.members).keep(value, collect)
	}
	hide := func(_, text string) string { return text }
	if !b.About.UserNames {
		hide = hideUsers(names)
	}
	var out []bundleFile
	for i, part := range bundleParts {
		content, err := json.MarshalIndent(parseMembers(part.members).keep(values[i], hide), "", "  ")
		if err != nil {
			return nil, fmt.Errorf("[unexpected] encode %s: %w", part.file, err)
		}
		out = append(out, bundleFile{part.file, part.what, append(content, '\n')})
	}
	return out, nil
}

// hideRules removes the allow rules, and the finding that repeats them.
func (b *bundle) hideRules() {
	for i, k := range b.Policy {
		if strings.HasSuffix(k.Key, ".allow") {
			b.Policy[i].Value = redacted
		}
	}
	for i, f := range b.Doctor.Findings {
		if f.Code == doctor.Denied {
			b.Doctor.Findings[i].Evidence = redacted
		}
	}
}

// hideUsers removes names of users from a member. It searches texts for the names, the
// longest first.
func hideUsers(names []string) func(how, text string) string {
	slices.SortFunc(names, func(x, y string) int { return len(y) - len(x) })
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name, redacted)
	}
	inTexts := strings.NewReplacer(pairs...)
	return func(how, text string) string {
		switch {
		case text == "":
		case how == nameOfUser, how == allOfUser:
			return redacted
		case how == pathOfUser:
			return path.Base(text)
		case how == textOfUser:
			return inTexts.Replace(text)
		}
		return text
	}
}

// members are the allowed members of a JSON value. A value that is no object has none.
type members struct {
	of  map[string]*members
	how string // how it may name users; "" if it does not
}

// parseMembers reads paths such as "holder.user:name".
func parseMembers(paths string) *members {
	root := &members{of: map[string]*members{}}
	for field := range strings.FieldsSeq(paths) {
		name, how, _ := strings.Cut(field, ":")
		at := root
		for part := range strings.SplitSeq(name, ".") {
			if at.of[part] == nil {
				at.of[part] = &members{of: map[string]*members{}}
			}
			at = at.of[part]
		}
		at.how = how
	}
	return root
}

// keep returns v without the members that m does not have. It applies change to each
// text.
func (m *members) keep(v any, change func(how, text string) string) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = m.keep(v[i], change)
		}
	case map[string]any:
		for name := range v {
			if m.of[name] == nil {
				delete(v, name)
				continue
			}
			v[name] = m.of[name].keep(v[name], change)
		}
	case string:
		return change(m.how, v)
	}
	return v
}

// jsonValue returns v as decoded from its JSON.
func jsonValue(v any) (out any, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return out, d.Decode(&out)
}
