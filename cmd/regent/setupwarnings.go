package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"regent/agent/authz"
	"regent/agent/fault"
	"regent/agent/policy"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/platform/peer"
)

// warnings returns the problems of the plan.
func (s setup) warnings(p setupPlan) []string {
	all := p.tokenWarnings()
	if others := s.device.values("applications." + p.id + ".allow"); len(p.file.application(p.id).Allow) > 0 && len(others) > 0 {
		all = append(all, "this replaces the allow rules in "+others[0].Source)
	}
	return slices.Concat(all, s.unredeemed(p), s.leftTokens(p), s.fileWarnings(p))
}

// unredeemed returns the warnings about instances that Regent does not redeem by itself, and
// about earlier redemptions that may have used a count.
func (s setup) unredeemed(p setupPlan) (all []string) {
	if len(p.manual) > 0 {
		all = append(all, status.WaitText(p.manual)+" for an administrator, and a registration token does not help. To use another count, run: "+fault.Commands("sudo regent instances redeem ")+p.manual[0])
	}
	for id, a := range s.device.counts {
		if !slices.Contains(p.waiting, id.String()) || id.Tenant != token.TenantHost(p.tenant) {
			continue
		}
		for _, e := range a.Uncertain {
			all = append(all, fmt.Sprintf("redemption %s of %s may have used a count, and this uses another one. To find it, the Contact Administrator runs: tmsctl auth-token list", e.ID, id))
		}
	}
	slices.Sort(all)
	return all
}

// leftTokens returns a warning for the auth tokens that the new configuration does not use:
// at another tenant, or of an instance above the new number.
func (s setup) leftTokens(p setupPlan) (all []string) {
	var above []string
	elsewhere := map[string][]string{}
	for a, i := range s.device.status.Instances() {
		_, number, err := token.ParseInstanceName(i.Name)
		now := token.TenantHost(s.device.tenant(p.file, a.ID))
		switch {
		case err != nil || token.State(i.State) == token.Unredeemed || now == "":
		case now != a.Tenant:
			elsewhere[a.Tenant] = append(elsewhere[a.Tenant], i.Name)
		case a.ID == p.id && number > s.device.instances(p.file, p.id):
			above = append(above, i.Name)
		}
	}
	for _, host := range slices.Sorted(maps.Keys(elsewhere)) {
		all = append(all, fmt.Sprintf("the application will not use the auth tokens of %s at %s any more. Their counts stay used", strings.Join(elsewhere[host], ", "), host))
	}
	if len(above) > 0 {
		all = append(all, fmt.Sprintf("%s will not be used any more. The counts stay used", strings.Join(above, ", ")))
	}
	return all
}

// fileWarnings returns the parts of the file that cannot work on this device now.
func (s setup) fileWarnings(p setupPlan) (all []string) {
	resolved, err := resolveSetup(s.device.path, p.content)
	if err != nil {
		return nil
	}
	here := policy.Device{
		System: runtime.GOOS, UserID: peer.UserID, GroupID: peer.GroupID, ReadFile: os.ReadFile,
		IsMissing: func(name string) bool { _, err := os.Stat(name); return os.IsNotExist(err) },
	}
	for _, w := range here.Check(resolved) {
		all = append(all, w.Text)
	}
	return all
}

// deniedUsers returns a warning for each user that the rules in force deny: the users in the
// file, or else the user who ran sudo. Programs, units and groups may still admit a user, so
// a rule without users counts as a match.
func (s setup) deniedUsers(p setupPlan, now api.Policy) (all []string) {
	i := slices.IndexFunc(now.Keys, func(k api.PolicyKey) bool { return k.Key == "applications."+p.id+".allow" })
	if i < 0 {
		return nil
	}
	rules, err := parseRules(p.id, now.Keys[i].Value)
	if err != nil {
		return nil
	}
	for _, user := range s.namedUsers(p) {
		if !mayAdmit(rules, user) {
			all = append(all, fmt.Sprintf("%s may not use %s: the allow rules in %s decide. Add the user there", user, p.id, now.Keys[i].Source))
		}
	}
	return all
}

// parseRules returns the rules in the value of an application's key allow.
func parseRules(id, value string) ([]authz.Rule, error) {
	resolved, err := resolveSetup("policy", "applications:\n  - id: "+policy.WriteYAML(id)+"\n    allow: "+value+"\n")
	if err != nil || len(resolved.Settings.Applications) == 0 {
		return nil, errors.Join(err, errors.New("the value has no rules"))
	}
	return resolved.Settings.Applications[0].Allow, nil
}

// namedUsers returns the users in the file, or else the user who ran sudo.
func (s setup) namedUsers(p setupPlan) (names []string) {
	rules := p.file.application(p.id).Allow
	if len(rules) == 0 {
		a := setupAnswers{setup: s}
		return a.invoker()
	}
	for _, r := range rules {
		names = append(names, r.Users...)
	}
	return names
}

// mayAdmit reports whether a rule has no users, or names this one.
func mayAdmit(rules []authz.Rule, user string) bool {
	name := strings.TrimPrefix(user, "user:")
	same := []string{user, name, "user:" + name}
	if id, err := peer.UserID(name); err == nil && id != "" {
		same = append(same, id, "uid:"+id)
	}
	return slices.ContainsFunc(rules, func(r authz.Rule) bool {
		return len(r.Users) == 0 || slices.ContainsFunc(r.Users, func(word string) bool {
			return slices.ContainsFunc(same, func(s string) bool { return strings.EqualFold(s, word) })
		})
	})
}
