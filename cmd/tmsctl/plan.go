package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/tms/admin"
	"regent/agent/tms/admin/usage"
	"regent/agent/token"
)

// planFlags is the flags of plan.
type planFlags struct {
	need       usage.Need
	unmanaged  bool
	identifier string
	session    time.Duration // after which the identity provider ends sessions; 0 if it does not
}

func (t *tool) plan() *cobra.Command {
	var o planFlags
	c := &cobra.Command{
		Use: "plan --devices N --instances M", Short: "Calculate counts and expiry, and forecast the usage",
		Args: noArguments,
		Long: `Calculate: one count for each instance of each application on each device. The
service is not asked, unless --registration-token names one to forecast for.`,
		Example: `  tmsctl plan --devices 100 --instances 2 --spare 10
  tmsctl plan --devices 100 --instances 2 --session-max 10h
  tmsctl plan --devices 100 --instances 2 --registration-token berlin`,
		RunE: func(c *cobra.Command, _ []string) error {
			if c.Flags().Changed("session-max") && o.session == 0 {
				return usagef("--session-max 0: write how long a session lasts, or omit the flag")
			}
			if o.identifier == "" {
				return t.printPlan(o, nil)
			}
			return t.asAdministrator(c.Context(), func(s *admin.Session) error {
				r, err := t.find(c.Context(), s, "--registration-token", o.identifier)
				if err != nil {
					return err
				}
				used, err := s.AuthTokens(c.Context(), admin.AuthFilter{Registration: r.Identifier, RegistrationID: r.ID})
				if err != nil {
					return err
				}
				f := usage.NewForecast(r, used, s.Now())
				return t.printPlan(o, &planInput{r, f, t.fingerprint(r)})
			})
		},
	}
	o.addTo(c.Flags())
	return c
}

func (o *planFlags) addTo(f *pflag.FlagSet) {
	f.IntVar(&o.need.Devices, "devices", 0, "number of devices")
	f.IntVar(&o.need.Instances, "instances", 1, "instances on each device, of all its applications together")
	f.IntVar(&o.need.Spare, "spare", 0, "spare counts for reinstalled devices, in `PERCENT` of the total")
	f.IntVar(&o.need.Rollout, "rollout", 0, "`DAYS` until the last device has redeemed (default 30)")
	f.BoolVar(&o.unmanaged, "unmanaged", false, "nobody manages all devices together: separate tokens are better")
	f.StringVar(&o.identifier, "registration-token", "", "forecast for the registration token with this `NAME`: its identifier or ID")
	f.Var((*longDuration)(&o.session), "session-max", "`DURATION` after which the identity provider ends each session, as 10h, 40d, 6w or 1y; regent status shows it once a device saw it")
}

// longDuration is a flag for a duration that may be longer than hours are good for.
type longDuration time.Duration

// durationHours are the hours of the units that [time.ParseDuration] does not have. A year
// has 365 days.
var durationHours = map[string]int{"d": 24, "w": 7 * 24, "y": 365 * 24}

var durationPart = regexp.MustCompile(`([\d.]+)([dwy])`)

// Set reads a duration such as 90m, 40d or 1y6w.
func (s *longDuration) Set(text string) error {
	text = strings.ReplaceAll(strings.ToLower(text), " ", "")
	d, err := time.ParseDuration(durationPart.ReplaceAllStringFunc(text, func(part string) string {
		n, err := strconv.Atoi(part[:len(part)-1])
		if err != nil || n > 1_000_000 {
			return part
		}
		return fmt.Sprintf("%dh", n*durationHours[part[len(part)-1:]])
	}))
	*s = longDuration(d)
	return err // flagValueTexts says the form
}

func (s *longDuration) String() string { return time.Duration(*s).String() }
func (s *longDuration) Type() string   { return "duration" }

type planInput struct {
	admin.RegistrationToken
	usage.Forecast
	fingerprint string // as devices show it to administrators; "" if it is not known
}

func (t *tool) printPlan(o planFlags, l *planInput) error {
	if o.need.Devices == 0 && l != nil {
		if o.session != 0 {
			return usagef("--session-max needs --devices N: each device uses counts")
		}
		if t.flags.json {
			return t.printJSON(object{{"forecast", forecastMembers(l)}})
		}
		return t.printForecast(l)
	}
	o.need.Now = t.now()
	p, err := usage.NewPlan(o.need)
	if err != nil {
		return usagef("%v", err)
	}
	var ends *usage.SessionCost
	if o.session != 0 {
		e, err := usage.NewSessionCost(o.need, o.session)
		if err != nil {
			return usagef("--session-max: %v", err)
		}
		ends = &e
	}
	if t.flags.json {
		return t.printJSON(planMembers(p, ends, l))
	}
	if err := t.sayPlan(o, p, ends); err != nil || l == nil {
		return err
	}
	return t.printForecast(l)
}

func (t *tool) sayPlan(o planFlags, p usage.Plan, ends *usage.SessionCost) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s × %s + %d spare = %s\n\n", counted(o.need.Devices, "device"), counted(o.need.Instances, "instance"), p.Spare, counted(p.Counts, "count"))
	for _, one := range p.Tokens {
		fmt.Fprintf(&text, "create on %s:\n  tmsctl registration-token create --count %d --expires %s\n",
			one.Make.Format(time.DateOnly), one.Count, one.Expires.Format(time.DateOnly))
	}
	if len(p.Tokens) > 1 {
		text.WriteString("A registration token is valid for at most 30 days, and this rollout is longer. You can also extend the first one:\n  tmsctl registration-token extend ID\n")
	}
	text.WriteString(`
Unused counts lapse after the last day. Auth tokens stay valid after it: devices
refresh them. A used count does not come back, also after its auth token is
deleted. Counts have nothing to do with entitlement quantity.

`)
	if ends != nil {
		text.WriteString(sessionsText(*ends) + "\n")
	}
	for i, c := range usage.Choices(!o.unmanaged) {
		word := "or"
		if i == 0 {
			word = "recommended:"
		}
		fmt.Fprintf(&text, "%s %s\n  for: %s\n  against: %s\n", word, c.Way, c.For, c.Against)
	}
	return t.printf("%s", t.wrap(text.String()))
}

func (t *tool) printForecast(l *planInput) error {
	used, most, rate := fmt.Sprint(l.Used), "", fmt.Sprintf("%.1f a day lately", l.PerDay)
	if l.AtMost {
		used, most = fmt.Sprintf("at least %d", l.Count-l.Left), "at most "
	}
	if l.Undated > 0 || l.Early {
		rate = "how many a day is not known yet"
	}
	text := fmt.Sprintf("\n%s: %s of %d counts used, %s, last day %s\n", tableCell(l.Identifier), used, l.Count, rate, expiresText(l.RegistrationToken, t.now()))
	if l.fingerprint != "" {
		text += fmt.Sprintf("Fingerprint: %s\n", l.fingerprint)
	}
	if l.AtMost {
		text += "The service does not show how many counts are used. Each auth token that exists used one. Deleted ones are not counted.\n"
	}
	usability := l.Usability(t.now())
	if usability == admin.UsabilityUnknown {
		text += "It is not known whether a device can redeem it.\n"
	}
	switch {
	case usability != admin.Usable && usability != admin.UsabilityUnknown:
		text += fmt.Sprintf("It is %s, so no device can redeem it. Counts left: %s%d.\n", usability, most, l.Left)
	case l.Undated > 0:
		text += fmt.Sprintf("There is no forecast: the service gives no creation date for %s. Counts left: %s%d.\n", counted(l.Undated, "auth token"), most, l.Left)
	case l.Early:
		text += fmt.Sprintf("There is no forecast yet: it needs the redemptions of at least one day. Counts left: %s%d.\n", most, l.Left)
	case !l.UsedUp.IsZero():
		text += fmt.Sprintf("At this rate no count is left from %s on, before its last day. See tmsctl investigate, or raise the count.\n", expiryText(l.UsedUp, t.now()))
	default:
		text += fmt.Sprintf("At this rate %s%d counts lapse after its last day.\n", most, l.Lapsing)
	}
	return t.printf("%s", t.wrap(text))
}

// sessionsText describes the cost of a session maximum.
func sessionsText(s usage.SessionCost) string {
	text := fmt.Sprintf(`%s.
Each instance then needs another count: %d counts each time, or %d in 30 days
without a gap. Offline tokens (scope offline_access) need none.
`, token.SessionLimitText(s.Max), s.EachEnd, s.Always)
	text = strings.ToUpper(text[:1]) + text[1:]
	text += fmt.Sprintf(`With refresh.on_refresh_expired: redeem a device spends at most one count
per instance in 30 days: %d counts.
`, s.ByItself)
	if s.ByItself == s.Always {
		return text
	}
	return text + `Each instance then works for only one session in 30 days. With wait, the default,
it does not work until a person redeems it again.
`
}

// planMembers is a plan for scripts.
func planMembers(p usage.Plan, ends *usage.SessionCost, l *planInput) object {
	tokens := objects(p.Tokens, func(one usage.PlannedToken) object {
		return members("count", one.Count, "make", one.Make.Format(time.DateOnly), "expiration_date", one.Expires.Format(time.DateOnly))
	})
	o := members("counts", p.Counts, "spare", p.Spare, "registration_tokens", tokens)
	if ends != nil {
		o = append(o, member{"sessions", members(
			"session_max_seconds", int64(ends.Max.Seconds()),
			"counts_after_each_end", ends.EachEnd,
			"counts_in_30_days_to_be_served_always", ends.Always,
			"counts_in_30_days_by_redeem", ends.ByItself,
		)})
	}
	if l != nil {
		o = append(o, member{"forecast", forecastMembers(l)})
	}
	return o
}

// forecastMembers is a forecast for scripts.
func forecastMembers(l *planInput) object {
	var atMost, perDay, lapsing, usedUp any
	if l.AtMost { // the service does not tell how many are used
		atMost = true
	}
	if l.Undated == 0 && !l.Early {
		perDay, lapsing = l.PerDay, l.Lapsing
	}
	if !l.UsedUp.IsZero() {
		usedUp = l.UsedUp.Format(time.DateOnly)
	}
	return members(
		"id", l.ID, "identifier", l.Identifier, "left", l.Left, "left_at_most", atMost,
		"per_day", perDay, "used_up", usedUp, "lapsing", lapsing, "fingerprint", optional(l.fingerprint),
	)
}
