package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"regent/agent/token"
	"regent/cmd/completion"
	"regent/ipc/api"
	"regent/platform/terminal"
	"regent/platform/tokenfile"
)

// registerFlags are the flags of regent register. None has the token, since every user of
// the device can see command lines.
type registerFlags struct {
	file                string
	stdin, erase        bool
	eraseUnneeded       bool
	application, tenant string
	wait                time.Duration
}

func newRegister(c *cli) *cobra.Command {
	var f registerFlags
	cmd := command("register {--file FILE | --stdin}", "Give the agent a registration token",
		`Give the agent a registration token: from a file, from standard input or from
the terminal. It is never on the command line, since every user can see that.

The agent seals the token. It redeems each instance without an auth token, for
one count each. Registered instances cost nothing. If no instance needs the
token, the agent does not store it, and --erase leaves its file.

If another program writes the file, regent waits. If the token may be
incomplete, --erase renames the file to FILE.unproven. regentd deletes it when
the service has accepted the token. The same command, run again, deletes it too.`,
		func(cmd *cobra.Command, _ []string) error { return c.register(cmd, f) })
	cmd.Example = `  sudo regent register --file /root/registration-token --erase
  sudo regent register --stdin <registration-token
  sudo regent register --file FILE --application cad --wait 2m`
	cmd.Flags().StringVar(&f.file, "file", "", "the `file` with the token, readable by its owner only; - is standard input")
	cmd.Flags().BoolVar(&f.stdin, "stdin", false, "read the token from standard input")
	cmd.Flags().BoolVar(&f.erase, "erase", false, "delete the file once its token is sealed (see above for exceptions)")
	cmd.Flags().BoolVar(&f.eraseUnneeded, "erase-unneeded", false, "with --erase: delete the file also if no instance needs the token")
	cmd.Flags().StringVar(&f.application, "application", "", "the `id` of the only application for the token (default: all of the tenant)")
	cmd.Flags().StringVar(&f.tenant, "tenant", "", "the `URL` of the token service (default: the configured one)")
	cmd.Flags().DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait for the redemption")
	completion.Flag(cmd, "application", completion.Words(c.applicationIDs))
	return cmd
}

func (c *cli) register(cmd *cobra.Command, f registerFlags) error {
	req, err := f.request(cmd)
	if err == nil && c.noDumps != nil { // before the token is in memory
		err = c.noDumps()
	}
	if err != nil {
		return err
	}
	secret, from, err := f.read(cmd, c.runtimeEnv)
	if errors.Is(err, tokenfile.ErrMissing) && f.erase {
		if done, err := f.eraseProven(cmd, c.agent()); done || err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	doubt := token.FormatWarning(secret)
	if doubt != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "regent: warning: registration token from %s: %s\n", printable(from.name), doubt) //nolint:errcheck // the answer says how it went
	}
	req.RegistrationToken = secret.Reveal() //nolint:forbidigo // sent to the daemon
	req.Source = from.name
	// 1. The daemon answers once its sealed copy is durable.
	reg, err := ask(cmd.Context(), f.wait, func(ctx context.Context) (api.Registration, error) { return c.agent().Register(ctx, req) })
	if err != nil {
		return err
	}
	text, failed := renderRegistration(reg, f.wait > 0, c.view())
	if err := write(cmd, text); err != nil {
		return err
	}
	// 2. Only then regent deletes the file, also if a redemption failed.
	if f.erase && (reg.Stored || f.eraseUnneeded) {
		if err := removeTokenFile(cmd, c.agent(), from, secret, doubt); err != nil {
			return err
		}
	}
	return failed
}

// request checks the flags, and returns the request without the token.
func (f registerFlags) request(cmd *cobra.Command) (req api.RegistrationRequest, err error) {
	if f.file != "" && f.stdin {
		return req, usage(cmd, "--file and --stdin exclude each other")
	}
	if f.erase && (f.file == "" || f.file == "-" || tokenfile.IsStream(f.file)) {
		return req, usage(cmd, "--erase needs --file FILE; it cannot delete standard input")
	}
	if f.eraseUnneeded && !f.erase {
		return req, usage(cmd, "--erase-unneeded needs --erase")
	}
	wait, err := seconds(cmd, "wait", f.wait)
	return api.RegistrationRequest{Application: f.application, Tenant: f.tenant, Wait: wait}, err
}

// tokenOrigin is where a registration token came from.
type tokenOrigin struct {
	name string // "file /etc/regent/registration-token", "stdin", "terminal"
	path string // of the file; "" if there is none
	id   tokenfile.Identity
}

// read reads the token from the source in the flags.
func (f registerFlags) read(cmd *cobra.Command, s runtimeEnv) (token.Secret, tokenOrigin, error) {
	file := f.file
	if tokenfile.IsStdin(file) {
		file = "-"
	}
	switch {
	case file != "" && file != "-" && tokenfile.IsStream(file):
		return readStream(cmd, file, s)
	case file != "" && file != "-":
		return f.readFile(cmd, s)
	case s.prompt != nil:
		answer, err := s.prompt(cmd.Context(), "Registration token (not shown): ")
		if err != nil {
			return token.Secret{}, tokenOrigin{}, err
		}
		return parseToken(answer, "terminal")
	case f.stdin || file == "-":
		return readAll(cmd, s.in, "stdin")
	}
	return token.Secret{}, tokenOrigin{}, usage(cmd, "a registration token is required: --file FILE or --stdin")
}

// readAll reads a stream to its end. The context ends it earlier.
func readAll(cmd *cobra.Command, in io.Reader, name string) (token.Secret, tokenOrigin, error) {
	content, err := terminal.Await(cmd.Context(), func() ([]byte, error) {
		return io.ReadAll(io.LimitReader(in, tokenfile.MaxSize+1))
	})
	if err != nil {
		return token.Secret{}, tokenOrigin{}, fmt.Errorf("read registration token: %w", err)
	}
	return parseToken(content, name)
}

func readStream(cmd *cobra.Command, path string, s runtimeEnv) (token.Secret, tokenOrigin, error) {
	f, err := terminal.Await(cmd.Context(), func() (*os.File, error) { return tokenfile.OpenStream(path, s.invokingUser()...) })
	if err != nil {
		return token.Secret{}, tokenOrigin{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return readAll(cmd, f, path)
}

// maxFileWait is the longest time that regent waits for another program to write the file.
const maxFileWait = time.Minute

// readFile waits while another program writes the file. With --erase it also waits until
// the file has not changed for a time, since more may follow.
func (f registerFlags) readFile(cmd *cobra.Command, s runtimeEnv) (token.Secret, tokenOrigin, error) {
	path, err := filepath.Abs(f.file)
	if err != nil {
		return token.Secret{}, tokenOrigin{}, fmt.Errorf("read registration token: %w", err)
	}
	const step = 200 * time.Millisecond
	for waited := time.Duration(0); ; waited += step {
		still := time.Duration(0)
		if f.erase {
			still = tokenfile.SettleDelay(path, s.now())
		}
		if still == 0 {
			secret, id, err := tokenfile.Read(path, token.ParseRegistration, s.invokingUser()...)
			if !errors.Is(err, tokenfile.ErrBusy) || waited >= maxFileWait {
				return secret, tokenOrigin{"file " + path, path, id}, err
			}
		}
		if waited == 2*time.Second {
			fmt.Fprintf(cmd.ErrOrStderr(), "regent: waiting for %s, which another program is writing\n", printable(path)) //nolint:errcheck // it is no result
		}
		select {
		case <-cmd.Context().Done():
			return token.Secret{}, tokenOrigin{}, cmd.Context().Err()
		case <-time.After(step):
		}
	}
}

// parseToken parses typed or piped text.
func parseToken(content []byte, name string) (token.Secret, tokenOrigin, error) {
	t, err := token.ParseRegistration(content)
	if err != nil {
		return token.Secret{}, tokenOrigin{}, fmt.Errorf("registration token from %s: %w", name, err)
	}
	return t, tokenOrigin{name: name}, nil
}

// invokingUser returns the user who ran sudo or pkexec. root may register that user's
// file. It returns none unless this process is root: any other user can set the
// environment.
func (s runtimeEnv) invokingUser() []int {
	if s.euid != 0 {
		return nil
	}
	for _, name := range []string{"SUDO_UID", "PKEXEC_UID"} {
		if uid, err := strconv.Atoi(s.getenv(name)); err == nil && uid > 0 {
			return []int{uid}
		}
	}
	return nil
}
