package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"regent/agent/fault"
	"regent/agent/redeem"
	"regent/agent/status"
	"regent/agent/token"
	"regent/ipc/api"
	"regent/platform/files"
	"regent/platform/layout"
)

// setupName is the name of the file that regent setup writes. It is read after the
// installer's answers.
const setupName = layout.SetupFile

// maxSetupFile is the largest size of the file in bytes. regent setup writes less.
const maxSetupFile = 1 << 20

// setupDevice is the device as regent setup found it.
type setupDevice struct {
	path    string // the file that regent setup writes
	content string // of the file; "" if there is none
	file    setupFile
	status  status.Status
	policy  api.Policy
	counts  map[token.Instance]redeem.Account // of the ledger, also for instances that are not configured
}

// readSetupDevice asks the daemon. It returns an error if setup cannot succeed: no daemon
// answers, the caller is no administrator, or the store cannot be used. It sends nothing to
// the service.
func (c *cli) readSetupDevice(ctx context.Context) (d setupDevice, err error) {
	if d.status, err = c.status(ctx); err != nil {
		return d, err
	}
	d.policy, err = ask(ctx, 0, c.agent().Policy)
	if fault.KindOf(err) == fault.Denied {
		return d, fault.Errorf("setup", fault.Denied, "only an administrator may set up this device. Run: %s", layout.SetupCommand)
	}
	if err != nil {
		return d, err
	}
	ledger, err := ask(ctx, 0, c.agent().Ledger)
	if err != nil {
		return d, err
	}
	d.counts = redeem.BuildAccounts(ledger.Entries)
	d.path = filepath.Join(filepath.Dir(d.status.ConfigFile), "config.d", setupName)
	content, err := files.ReadRegular(d.path, maxSetupFile, os.Stat)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return d, withNextStep(fmt.Errorf("%s: %w", d.path, err), "Correct or delete it, then run the command again.")
	}
	d.content = string(content)
	d.file, err = parseSetup(d.path, d.content)
	return d, err
}

// isOwn reports whether a source of a value is the file of regent setup.
func (d setupDevice) isOwn(source string) bool {
	name, _, _ := strings.Cut(filepath.Base(source), ":") // then the line
	return name == setupName && d.isDropIn(source)
}

// isDropIn reports whether a source is a file in the directory of the file of regent setup.
// A source is relative if the daemon's --config is.
func (d setupDevice) isDropIn(source string) bool {
	own, dir := filepath.Dir(d.path), filepath.Dir(source)
	return dir == own || !filepath.IsAbs(dir) && strings.HasSuffix(own, string(filepath.Separator)+dir)
}

// values returns the values of a key from other sources than the file of regent setup and
// the defaults, the effective one first.
func (d setupDevice) values(key string) (all []api.PolicyValue) {
	i := slices.IndexFunc(d.policy.Keys, func(k api.PolicyKey) bool { return k.Key == key })
	if i < 0 {
		return nil
	}
	k := d.policy.Keys[i]
	for _, v := range append([]api.PolicyValue{{Value: k.Value, Level: k.Level, Source: k.Source}}, k.Hides...) {
		if v.Level != defaultLevel && !d.isOwn(v.Source) {
			all = append(all, v)
		}
	}
	return all
}

// value returns the value of a key without the file of regent setup; "" if none is set.
func (d setupDevice) value(key string) string {
	if all := d.values(key); len(all) > 0 {
		return all[0].Value
	}
	return ""
}

// overriddenBy returns the source that overrides a value in the file of regent setup; "" if
// none does.
func (d setupDevice) overriddenBy(key string) string {
	for _, v := range d.values(key) {
		if v.Level == "managed" || v.Level == "drop-in" && (!d.isDropIn(v.Source) || filepath.Base(v.Source) > setupName) {
			return v.Source
		}
	}
	return ""
}

// isBrought reports whether a drop-in, such as that of its package, or policy brings an
// application.
func (d setupDevice) isBrought(id string) bool {
	return slices.ContainsFunc(d.values("applications."+id+".id"), func(v api.PolicyValue) bool { return v.Level != "local" })
}

// applications returns the IDs of the applications in the configuration.
func (d setupDevice) applications() (ids []string) {
	for _, k := range d.policy.Keys {
		id, isApplication := strings.CutPrefix(k.Key, "applications.")
		if id, isID := strings.CutSuffix(id, ".id"); isApplication && isID {
			ids = append(ids, id)
		}
	}
	return ids
}

// ownTenant returns the tenant of an application that does not use the default one; ""
// if it uses the default one.
func (d setupDevice) ownTenant(id string) string {
	all, defaults := d.values("applications."+id+".tenant"), d.values("tenant")
	if len(all) == 0 || len(defaults) > 0 && all[0] == defaults[0] {
		return ""
	}
	return all[0].Value
}

// tenant returns the tenant of an application if the file has content f.
func (d setupDevice) tenant(f setupFile, id string) string {
	if own := d.ownTenant(id); own != "" {
		return own
	}
	if f.Tenant != "" {
		return f.Tenant
	}
	return d.value("tenant")
}

// instances returns the number of instances of an application if the file has content f.
func (d setupDevice) instances(f setupFile, id string) int {
	if n := f.application(id).Instances; n > 0 {
		return n
	}
	n, err := strconv.Atoi(d.value("applications." + id + ".instances"))
	if err != nil {
		return 1 // the default
	}
	return n
}

// waiting returns the instances at a tenant without an auth token, if the file has content
// f. Each costs one count. Only a person redeems the manual ones: Regent does not.
func (d setupDevice) waiting(f setupFile, tenant string) (names, manual []string) {
	host := token.TenantHost(tenant)
	registered := map[string]bool{}
	for a, i := range d.status.Instances() {
		registered[i.Name] = a.Tenant == host && (token.State(i.State) != token.Unredeemed || isDoubtful(i))
	}
	ids := d.applications()
	for _, a := range f.Applications {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if d.tenant(f, id) != tenant || d.isRemoved(f, id) {
			continue
		}
		for n := range d.instances(f, id) {
			i := token.Instance{Tenant: host, Application: id, Number: n + 1}
			switch a := d.counts[i]; {
			case registered[i.String()] || a.CurrentIntent != "":
			case a.ManualOnly && !a.Requested:
				manual = append(manual, i.String())
			default:
				names = append(names, i.String())
			}
		}
	}
	return names, manual
}

// refused returns one waiting instance of each application with a stored registration token
// that the service has refused. It is not asked again by itself.
func (d setupDevice) refused(waiting []string) (names []string) {
	for a, i := range d.status.Instances() {
		if slices.Contains(waiting, i.Name) && i.LastFault != nil && isRefusal(i.LastFault.Code) &&
			!slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, a.ID+"/") }) {
			names = append(names, i.Name)
		}
	}
	return names
}

// isDoubtful reports whether an instance waits until a person resolves a redemption.
func isDoubtful(i status.Instance) bool {
	return token.State(i.State) == token.Uncertain || i.LastFault != nil && i.LastFault.Code == string(fault.RedemptionUnconfirmed)
}

// isRefusal reports whether the service refused the registration token.
func isRefusal(code string) bool {
	switch fault.Kind(code) {
	case fault.RegistrationExpired, fault.RegistrationExhausted, fault.RegistrationRefused:
		return true
	}
	return false
}

// isRemoved reports whether only the old content of the file had this application.
func (d setupDevice) isRemoved(f setupFile, id string) bool {
	inFile := slices.ContainsFunc(f.Applications, func(a setupApplication) bool { return a.ID == id })
	return !inFile && len(d.values("applications."+id+".id")) == 0
}
