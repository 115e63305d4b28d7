package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"regent/agent/policy"
	"regent/agent/status"
	"regent/platform/layout"
	"regent/platform/process"
)

// options are the flags of regentd run. On an installed system none is needed.
type options struct {
	config, configDir, policyDir string
	stateDir, socket             string
	credentialSocket             string
	logLevel                     string
	hostFacts                    string // file
	jobs                         *storeJobs
	logLoss                      *process.LostRecords // log records, over all restarts
	onReady                      func()               // called once when the socket is open; may be nil
	configNamed                  bool
}

// addConfigFlags adds the flags for the paths of the configuration.
func (o *options) addConfigFlags(f *pflag.FlagSet, p layout.Paths) {
	f.StringVar(&o.config, "config", p.Config, "configuration `file`")
	f.StringVar(&o.configDir, "config-dir", "", "`directory` of drop-ins (default: config.d beside the configuration file)")
	f.StringVar(&o.policyDir, "policy-dir", p.PolicyDir, "`directory` of managed policy")
}

// setDefaults fills in the values that depend on the given flags.
func (o *options) setDefaults(f *pflag.FlagSet) {
	o.configNamed = f.Changed("config")
	if o.configDir == "" {
		o.configDir = filepath.Join(filepath.Dir(o.config), "config.d")
	}
}

// readLayers reads the configuration.
func (o *options) readLayers() policy.Reading { return readLayers(o.paths()) }

// resolve merges the layers of a reading. The error has the problems that must prevent a
// start. The list has all problems, for the log and for status.
func (o *options) resolve(f policy.Reading) (policy.Resolved, []policy.Problem, error) {
	layers := f.Layers
	if o.logLevel != "" { // it overrides local layers, and policy overrides it
		level := policy.Value{Name: "LogLevel", Place: "--log-level", Data: o.logLevel}
		layers = append(slices.Clone(layers), policy.Layer{Name: level.Place, Rank: policy.Dropin, Values: []policy.Value{level}})
	}
	resolved, found := policy.Resolve(layers...)
	problems := slices.Concat(f.Problems, found)
	if err := policy.Fatal(problems); err != nil {
		return resolved, problems, usageError{err}
	}
	return resolved, problems, nil
}

// paths returns the paths of the configuration.
func (o *options) paths() layerPaths {
	return layerPaths{Config: o.config, ConfigDir: o.configDir, PolicyDir: o.policyDir, Sources: sources(), ConfigNamed: o.configNamed}
}

// forStatus converts problems for status.
func forStatus(problems []policy.Problem) []status.Problem {
	out := make([]status.Problem, 0, len(problems))
	for _, p := range problems {
		text := p.Text
		if p.Key != "" {
			text = p.Key + ": " + text
		}
		out = append(out, status.Problem{Source: p.Origin.String(), Detail: text})
	}
	return out
}

func newCheckConfig(stdout io.Writer) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "check-config",
		Short: "Check the configuration and start nothing",
		Long: `check-config reads the configuration like regentd run and prints every problem
with its file and line. It exits 2 if a problem would prevent the start. It also
exits 2 if the configuration names an existing file that regentd would not use.

With --policy-dir it checks a policy before its rollout, on any machine. It
exits 2 if a device would ignore a value of the policy, or report a problem with
it. If the policy needs settings of each device, such as the tenant, write them
into a file and name it with --config. Owners and modes of the policy's files
are reported, but do not change the exit code. The same is true for a name or a
file that is missing on this machine. An existing file that the policy names
must be valid.`,
		Example: `  regentd check-config
  regentd check-config --config config.yaml
  regentd check-config --policy-dir policy.d --config device.yaml`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.setDefaults(cmd.Flags())
			if cmd.Flags().Changed("policy-dir") {
				return o.checkPolicy(stdout)
			}
			return o.check(stdout)
		},
	}
	o.addConfigFlags(cmd.Flags(), layout.DefaultPaths())
	return cmd
}

func (o *options) check(stdout io.Writer) error {
	resolved, problems, err := o.resolve(o.readLayers())
	if err != nil {
		return err
	}
	warn(stdout, problems)
	if err := warnOfHost(stdout, resolved); err != nil {
		return usageError{err}
	}
	if _, err := os.Stat(o.config); errors.Is(err, fs.ErrNotExist) {
		printLine(stdout, "note: there is no "+o.config+"; policy and drop-ins can replace it")
	}
	return summarize(stdout, resolved.Settings)
}

// checkPolicy checks a directory of policy before its rollout.
func (o *options) checkPolicy(stdout io.Writer) error {
	if info, err := os.Stat(o.policyDir); err != nil || !info.IsDir() {
		return usageError{fmt.Errorf("--policy-dir %s: there is no such directory", o.policyDir)}
	}
	paths := o.paths()
	paths.Sources = nil // without this machine's own policy
	lenient := layerLoader{checkManaged: func(name string, info fs.FileInfo) error {
		if err := writableByRootOnly(name, info); err != nil {
			printLine(stdout, "note: on a device: "+name+" "+err.Error())
		}
		return nil
	}}
	resolved, problems, err := o.resolve(lenient.readAll(paths))
	if err != nil {
		return err
	}
	wrong := 0
	for _, p := range problems {
		if p.Origin.Rank != policy.Managed {
			warn(stdout, []policy.Problem{p})
			continue
		}
		printLine(stdout, "problem: "+p.Error())
		wrong++
	}
	err = warnOfHost(stdout, resolved)
	if wrong > 0 {
		err = errors.Join(err, fmt.Errorf("%s: %s; a device would report and ignore each value", o.policyDir, plural(wrong, "problem")))
	}
	if err != nil {
		return usageError{err}
	}
	return summarize(stdout, resolved.Settings)
}

// warnOfHost prints the parts of the configuration that cannot work on this machine. The
// error is about existing files that regentd would not use.
func warnOfHost(stdout io.Writer, resolved policy.Resolved) error {
	found := newHostChecker().check(resolved)
	warn(stdout, found)
	return policy.Fatal(found)
}

func warn(stdout io.Writer, problems []policy.Problem) {
	for _, p := range problems {
		if !p.Fatal {
			printLine(stdout, "warning: "+p.Error())
		}
	}
}

func summarize(stdout io.Writer, s policy.Settings) error {
	n := 0
	for _, app := range s.Applications {
		n += app.Instances
	}
	if s.Tenant == "" && n == 0 {
		_, err := fmt.Fprintln(stdout, "the configuration is well-formed, but names no tenant and no application yet")
		return err
	}
	if len(s.Applications) == 1 && n == 1 {
		return printValid(stdout, "1 application with 1 instance, which costs one count of a registration token")
	}
	return printValid(stdout, "%s with %s, which cost as many counts of a registration token", plural(len(s.Applications), "application"), plural(n, "instance"))
}

func printValid(stdout io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(stdout, "the configuration is well-formed: "+format+"\n", args...)
	return err
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
