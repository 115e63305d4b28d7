package main

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/tms/admin"
	"regent/platform/files"
)

// writeCountMetrics writes the counts of registration tokens into a file for the textfile
// collector of node_exporter or windows_exporter. It writes no incomplete list: the old file
// gets older, and an alert sees that.
func (t *tool) writeCountMetrics(path string, list []admin.RegistrationToken) error {
	if t.part != nil {
		return nil //nolint:nilerr // reported at the end of the command
	}
	if err := files.Write(path, []byte(countMetrics(t.host, list, t.now())), 0o644); err != nil {
		return fmt.Errorf("cannot write the file with metrics: %w", err)
	}
	return t.printf("wrote %s to %s\n", counted(len(list), "registration token"), path)
}

// checkMetricsFile refuses a file that a collector would not read.
func checkMetricsFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return usagef("--metrics-textfile %s is a directory; name a file in it", path)
	case !strings.HasSuffix(path, ".prom"):
		return usagef("--metrics-textfile %s does not end in .prom, so collectors skip the file", path)
	}
	return nil
}

// checkAllListed refuses the flags of list that filter it, and --json: the file has all
// registration tokens, and nothing else is printed.
func (t *tool) checkAllListed(c *cobra.Command) error {
	for _, flag := range []string{"status", "identifier", "ref-id-1", "ref-id-2"} {
		if c.Flags().Changed(flag) {
			return usagef("--metrics-textfile needs all registration tokens: omit --%s", flag)
		}
	}
	switch {
	case t.flags.json:
		return usagef("--metrics-textfile prints no list\nomit --json, or write only the list: tmsctl registration-token list --json")
	case c.Flags().Changed("csv"):
		return usagef("--metrics-textfile prints no list\nomit --csv, or write only the list: tmsctl registration-token list --csv")
	}
	return nil
}

// countMetrics returns the counts in Prometheus' text format. It omits a number that the
// service does not show.
func countMetrics(tenant string, list []admin.RegistrationToken, now time.Time) string {
	var b strings.Builder
	family := func(name, help string, value func(admin.RegistrationToken) (n int64, known bool)) {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %[1]s gauge\n", name, help)
		for _, r := range list {
			if n, known := value(r); known && r.Flaw == "" {
				fmt.Fprintf(&b, "%s{tenant=\"%s\",id=\"%s\",identifier=\"%s\"} %d\n", name, label(tenant), label(r.ID), label(r.Identifier), n)
			}
		}
	}
	family("regent_registration_token_counts", "Count of a registration token.", func(r admin.RegistrationToken) (int64, bool) {
		return int64(r.Count), true
	})
	family("regent_registration_token_counts_used", "Used counts of a registration token; absent if the service does not show them.", func(r admin.RegistrationToken) (int64, bool) {
		return int64(r.Used), r.UsedKnown
	})
	family("regent_registration_token_active", "Whether a registration token is enabled and has not expired.", func(r admin.RegistrationToken) (int64, bool) {
		u := r.Usability(now)
		return map[bool]int64{true: 1}[u == admin.Usable || u == admin.UsedUp], u != admin.UsabilityUnknown
	})
	const written = "regent_registration_tokens_time_seconds"
	fmt.Fprintf(&b, "# HELP %s When the registration tokens were listed, as Unix time in seconds.\n# TYPE %[1]s gauge\n%[1]s{tenant=\"%s\"} %s\n",
		written, label(tenant), strconv.FormatInt(now.Unix(), 10))
	return b.String()
}

// label makes a text fit for the value of a label.
func label(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}

// checkMetricsFlags refuses a bad file, and flags that leave registration tokens out of it.
func (t *tool) checkMetricsFlags(c *cobra.Command, file string) error {
	if !c.Flags().Changed("metrics-textfile") {
		return nil
	}
	return cmp.Or(checkMetricsFile(file), t.checkAllListed(c))
}
