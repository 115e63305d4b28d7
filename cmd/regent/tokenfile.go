package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/redeem"
	"regent/agent/token"
	"regent/platform/tokenfile"
)

// removeTokenFile deletes the file of a sealed registration token, or renames it until the
// service has accepted the token, as [tokenfile.Clear] decides.
func removeTokenFile(cmd *cobra.Command, d agent, from tokenOrigin, secret token.Secret, doubt string) error {
	name, err := tokenfile.Clear(from.path, from.id, doubt != "", func() bool { return isRedeemed(cmd.Context(), d, secret) })
	if err != nil || name == "" {
		return reportErased(cmd, from.path, from.id, err)
	}
	return write(cmd, fmt.Sprintf("Moved %s to %s. regentd deletes it when the service has accepted this registration token. Running this command again does so too.\n", printable(from.path), printable(name)))
}

// reportErased prints that the file was deleted. A file that cannot be deleted is a warning.
func reportErased(cmd *cobra.Command, path string, id tokenfile.Identity, err error) error {
	if errors.Is(err, tokenfile.ErrUnremovable) {
		_, err = fmt.Fprintf(cmd.ErrOrStderr(), "regent: warning: %s cannot be deleted: it is mounted read-only, or is itself a mount. Every user of the mount can read it. Remove the secret from the definition of the container or unit.\n", printable(path))
		return err
	}
	if err != nil {
		return err
	}
	if warning := id.LinkAdvice(path); warning != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "regent: warning: %s\n", printable(warning)) //nolint:errcheck // what was removed follows
	}
	return write(cmd, fmt.Sprintf("Deleted %s.\n", printable(path)))
}

// eraseProven deletes the file that an earlier --erase renamed, as soon as the service
// has accepted its token. done reports whether there was such a file.
func (f registerFlags) eraseProven(cmd *cobra.Command, d agent) (done bool, err error) {
	path, err := filepath.Abs(f.file)
	if err != nil || len(tokenfile.ListAside(path)) == 0 {
		return false, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), f.wait)
	defer cancel()
	for {
		left, err := eraseOnce(cmd, d, path)
		if err != nil || left == 0 {
			return true, err
		}
		select {
		case <-time.After(time.Second):
			continue
		case <-ctx.Done():
		}
		return true, write(cmd, fmt.Sprintf("%s stays: the service has not accepted its registration token yet. See: regent status\nIf it is the wrong one, delete it, and save the right one in %s.\n",
			printable(tokenfile.ListAside(path)[0]), printable(path)))
	}
}

func eraseOnce(cmd *cobra.Command, d agent, path string) (left int, err error) {
	for _, name := range tokenfile.ListAside(path) {
		secret, id, err := tokenfile.Read(name, token.ParseRegistration)
		switch {
		case errors.Is(err, tokenfile.ErrMissing):
			continue // regentd was faster
		case err != nil:
			return 0, err
		case !isRedeemed(cmd.Context(), d, secret):
			left++
			continue
		}
		if err := reportErased(cmd, name, id, tokenfile.ClearAside(name, id)); err != nil {
			return 0, err
		}
	}
	return left, nil
}

// isRedeemed reports whether the service has redeemed a registration token for this
// device. It returns false if the ledger cannot be read.
func isRedeemed(ctx context.Context, d agent, secret token.Secret) bool {
	l, err := d.Ledger(ctx)
	if err != nil {
		return false
	}
	return redeem.HasRedeemed(l.Entries, token.Fingerprints(secret))
}
