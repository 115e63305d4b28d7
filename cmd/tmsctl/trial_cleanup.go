package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"regent/agent/tms"
	"regent/agent/tms/admin"
	"regent/agent/tms/contract"
	"regent/agent/token"
)

// cleanTime is how long cleaning up may take, also after an interruption.
const cleanTime = time.Minute

// clean deletes what the trial made and is not known to be gone. Its error names what
// is left, with the command that deletes it.
func (x *trial) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, cleanTime)
	defer cancel()
	if len(x.tokens) == 0 && !x.mayBeMade {
		return nil
	}
	x.t.say("trial: delete the tokens of the trial ...\n")
	var left []error
	ids, err := x.authTokensLeft(ctx)
	if err != nil {
		left = append(left, fmt.Errorf("the auth tokens of registration token %s cannot be listed: %w; list them with: tmsctl auth-token list --registration-token %[1]s", x.registration.Identifier, err))
	}
	for _, id := range ids {
		if err := ignoreNotFound(x.s.DeleteAuthToken(ctx, id)); err != nil {
			left = append(left, fmt.Errorf("auth token %s is left: %w; delete it with: tmsctl auth-token delete %[1]s", id, err))
		}
	}
	return errors.Join(append(left, x.cleanRegistration(ctx))...)
}

func (x *trial) cleanRegistration(ctx context.Context) error {
	if !x.mayBeMade {
		return nil
	}
	id := x.made.ID
	if id == "" {
		list, err := x.s.RegistrationTokens(ctx, admin.RegistrationFilter{Identifier: x.registration.Identifier})
		if err != nil {
			return fmt.Errorf("registration token %s may be left: %w; look for it with: tmsctl registration-token list --identifier %[1]s", x.registration.Identifier, err)
		}
		i := slices.IndexFunc(list, func(r admin.RegistrationToken) bool { return r.Identifier == x.registration.Identifier })
		if i < 0 {
			return nil
		}
		id = list[i].ID
	}
	x.readCount(ctx, id)
	if err := ignoreNotFound(x.s.DeleteRegistrationToken(ctx, id)); err != nil {
		return fmt.Errorf("registration token %s is left: %w; delete it with: tmsctl registration-token delete %[1]s", id, err)
	}
	return nil
}

// readCount notes how many counts the service says were used, before that can be
// asked no more.
func (x *trial) readCount(ctx context.Context, id string) {
	r, err := x.s.RegistrationToken(ctx, id)
	switch {
	case err != nil:
	case r.UsedKnown:
		x.notes = append(x.notes, fmt.Sprintf("The service says that %d of %d counts are used.", r.Used, r.Count))
	default:
		x.notes = append(x.notes, fmt.Sprintf("The service does not say how many of %d counts are used.", r.Count))
	}
}

// authTokensLeft returns the ids of the trial's auth tokens, from replies and from the
// list. The list also shows a redemption whose reply was lost: it used a count.
func (x *trial) authTokensLeft(ctx context.Context) ([]string, error) {
	if len(x.tokens) == 0 {
		return nil, nil
	}
	ids := map[string]bool{}
	list, err := x.s.AuthTokens(ctx, admin.AuthFilter{})
	for _, a := range list {
		ids[a.ID] = ids[a.ID] || x.ours(a)
		for _, b := range x.tokens {
			b.lost = b.lost && b.identifier != a.Identifier
		}
	}
	for _, b := range x.tokens {
		if b.ID != "" {
			ids[b.ID] = !b.gone
		}
	}
	maps.DeleteFunc(ids, func(_ string, left bool) bool { return !left })
	return slices.Sorted(maps.Keys(ids)), err
}

func (x *trial) ours(a admin.AuthToken) bool {
	return a.RefID2 == x.registration.Identifier || a.Registration == x.registration.Identifier ||
		x.made.ID != "" && a.Registration == x.made.ID ||
		slices.ContainsFunc(x.tokens, func(b *trialToken) bool { return a.Identifier == b.identifier })
}

// ignoreNotFound is no error where there is nothing any more.
func ignoreNotFound(err error) error {
	if f, ok := errors.AsType[*tms.Failure](err); ok && f.Reach == tms.Answered && f.Status == http.StatusNotFound && f.ServiceShape {
		return nil
	}
	return err
}

// configuration is what was found, as configuration for devices.
func (x *trial) configuration() string {
	var t strings.Builder
	fmt.Fprintf(&t, "# What tmsctl trial found at %s on %s.\n# Copy this file to config.d on devices, or its keys to managed policy. It holds no secret.\n",
		x.t.host, x.t.now().UTC().Format(time.DateOnly))
	first := func(id contract.ID) string {
		if a := x.found[id].Answers; len(a) > 0 {
			return a[0]
		}
		return ""
	}
	confirmed := ""
	if x.form != "" { // the list showed what the redemption told
		confirmed = "true"
	}
	section := ""
	for _, k := range [][3]string{
		{"contract", "base_path", first(contract.BasePath)},
		{"contract", "request", x.form},
		{"contract", "request_confirmed", confirmed},
		{"contract", "registration_header", first(contract.RegistrationHeader)},
		{"refresh", "mode", x.mode},
	} {
		if k[2] == "" {
			continue
		}
		if k[0] != section {
			section = k[0]
			t.WriteString(section + ":\n")
		}
		fmt.Fprintf(&t, "  %s: %s\n", k[1], k[2])
	}
	for _, known := range [][2]string{{"contract.reply", first(contract.RedeemReply)}, {"contract.access_token_name", first(contract.AccessName)}} {
		if known[1] != "" {
			fmt.Fprintf(&t, "# %s: the service uses %s. The default, any, accepts it.\n", known[0], known[1])
		}
	}
	if x.form == "" {
		t.WriteString("# contract.request: the trial proved no form.\n")
	}
	if x.mode == "" {
		t.WriteString("# refresh.mode: no refresh worked.\n")
	}
	return t.String()
}

func seconds(d time.Duration) string {
	if d <= 0 {
		return "not in the reply, or unlimited"
	}
	return fmt.Sprintf("%d s", int64(d.Seconds()))
}

func registrationForm(r admin.RegistrationToken) string {
	if why := token.FormatWarning(r.Token); why != "" {
		return why
	}
	return "shown at its creation, base64 of user:password"
}

// tokenKind is whether a refresh token can be read.
func tokenKind(s token.Secret) string {
	switch {
	case s.IsZero():
		return "not in the reply"
	case strings.Count(reveal(s), ".") == 2:
		return "a JWT"
	}
	return "opaque"
}

// shownOf are the members that the list has of a redemption.
func shownOf(a admin.AuthToken) []string {
	var names []string
	for _, m := range [][2]string{
		{"identifier", a.Identifier},
		{"fqdn", a.FQDN},
		{"systemUserName", a.UserName},
		{"macAddress", a.MAC},
		{"refId1", a.RefID1},
		{"refId2", a.RefID2},
		{"registrationToken", a.Registration},
	} {
		if m[1] != "" {
			names = append(names, m[0])
		}
	}
	return names
}
