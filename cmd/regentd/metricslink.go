package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"regent/platform/files"
	"regent/platform/layout"
)

// publishedMetrics returns the file that regentd writes if metrics_textfile is a link to it.
// tmpfiles.d makes its directory, beside the socket.
func publishedMetrics(socket string) string {
	return filepath.Join(filepath.Dir(socket), "metrics", "regent.prom")
}

// newLinkMetrics returns the command of regentd-metrics.service. The daemon's own user may
// not write in the directory of a collector.
func newLinkMetrics() *cobra.Command {
	var o options
	var remove bool
	cmd := &cobra.Command{
		Use:   "link-metrics",
		Short: "Link the file with metrics for a collector; run it as root",
		Long: `link-metrics makes metrics_textfile a link to a file that regentd can write. The
directory of a collector usually belongs to root. regentd does not run as root.
It changes nothing if the directory belongs to regentd's user. It does not
replace a file of another program.`,
		Example: "  sudo regentd link-metrics\n  sudo regentd link-metrics --remove",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.setDefaults(cmd.Flags())
			l := metricsLink{target: publishedMetrics(o.socket)}
			if err := l.remove(); err != nil || remove {
				return err
			}
			resolved, _, err := o.resolve(o.readLayers())
			if err != nil || resolved.Settings.MetricsTextfile == "" {
				return err
			}
			return l.make(resolved.Settings.MetricsTextfile)
		},
	}
	o.addConfigFlags(cmd.Flags(), layout.DefaultPaths())
	cmd.Flags().StringVar(&o.socket, "socket", layout.DefaultPaths().Socket, "`path` of the socket")
	cmd.Flags().BoolVar(&remove, "remove", false, "only remove the link")
	return cmd
}

// metricsLink is the link from metrics_textfile to target.
type metricsLink struct{ target string }

// note names the file with the link's path. The configuration may have another path
// when the link is removed.
func (l metricsLink) note() string { return filepath.Dir(l.target) + "-link" }

// make makes the link at path. The error names path, the reason, and the next step.
func (l metricsLink) make(path string) error {
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return textfileError(path, err)
	}
	ours, err := os.Stat(filepath.Dir(l.target))
	if err != nil {
		return l.targetError(path, err)
	}
	if sameOwner(dir, ours) {
		return nil // regentd writes there itself
	}
	switch seen, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return textfileError(path, err)
	case l.isAt(path):
		return l.save(path)
	case seen.Mode().IsRegular() && sameOwner(seen, ours): // an earlier regentd wrote it
		if err := os.Remove(path); err != nil {
			return textfileError(path, err)
		}
	default:
		return textfileError(path, errors.New("the file belongs to another program"))
	}
	if err := os.Symlink(l.target, path); err != nil {
		return textfileError(path, err)
	}
	return l.save(path)
}

func (l metricsLink) save(path string) error {
	return files.Write(l.note(), []byte(path), 0o644)
}

// isAt reports whether the link is at path.
func (l metricsLink) isAt(path string) bool {
	target, err := os.Readlink(path)
	return err == nil && target == l.target
}

// remove removes the link that was made last, if it is still there.
func (l metricsLink) remove() error {
	path, err := os.ReadFile(l.note())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && l.isAt(string(path)) {
		err = os.Remove(string(path)) //nolint:gosec // it is our link
	}
	return errors.Join(err, os.Remove(l.note()))
}

// sameOwner reports whether two files have the same owner.
func sameOwner(a, b fs.FileInfo) bool {
	one, _, errA := files.ModeAccess(a)
	other, _, errB := files.ModeAccess(b)
	return errA == nil && errB == nil && one == other
}

// targetError explains why there are no metrics at path if err is of the link's target.
func (l metricsLink) targetError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot write %s: %s does not exist; %s", path, filepath.Dir(l.target), missingTargetAdvice)
	}
	return textfileError(path, err)
}

// textfileError explains why there are no metrics at path.
func textfileError(path string, err error) error {
	if reason, ok := errors.AsType[syscall.Errno](err); ok {
		err = reason // without a second path
	}
	next := otherFileAdvice
	switch {
	case errors.Is(err, fs.ErrNotExist):
		next = missingDirectoryAdvice
	case errors.Is(err, fs.ErrPermission), isReadOnly(err):
		next = textfileRightsAdvice
	}
	return fmt.Errorf("cannot write %s: %w; %s", path, err, next)
}
