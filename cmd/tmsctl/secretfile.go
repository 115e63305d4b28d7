package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"regent/agent/token"
	"regent/platform/terminal"
)

// maxSecret bounds the file of a secret, in bytes: more is a slip of the hand.
const maxSecret = 64 << 10

// secretFile reads the secret in the file that flag names. A line end after it
// is no part of it. Who else may read it is said, not held against it: that is
// how some systems mount secrets.
func (t *tool) secretFile(ctx context.Context, flag, name string) (token.Secret, error) {
	content, mode, err := readFile(ctx, name)
	secret := ""
	if err == nil {
		secret, err = secretIn(content)
	}
	if err != nil {
		return token.Secret{}, usagef("%s %s: %v", flag, name, withoutPath(err))
	}
	if runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 { // there, modes tell nothing
		t.say("tmsctl: note: %s %s has mode %04o, so other users can read it; run: chmod 600 %s\n", flag, name, mode.Perm(), name)
	}
	return token.NewSecret(secret), nil
}

// readFile reads a regular file or a pipe, as a shell's <(COMMAND) is. A pipe may
// have nobody who writes: the read ends with ctx.
func readFile(ctx context.Context, name string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() && info.Mode().Type() != fs.ModeNamedPipe {
		return nil, 0, fmt.Errorf("is no regular file and no pipe (%s); name a file that holds it", info.Mode().Type())
	}
	content, err := terminal.Await(ctx, func() ([]byte, error) {
		f, err := os.Open(name) //nolint:gosec // the file that its reader named
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // opened for reading
		return io.ReadAll(io.LimitReader(f, maxSecret+1))
	})
	return content, info.Mode(), err
}

// secretIn returns the one line that content is. No error holds any of it.
func secretIn(content []byte) (string, error) {
	secret := strings.TrimRight(string(content), "\r\n")
	switch {
	case len(content) > maxSecret:
		return "", fmt.Errorf("has more than %d KiB, which is no secret", maxSecret>>10)
	case strings.HasPrefix(secret, "\xEF\xBB\xBF"), strings.HasPrefix(secret, "\xFF\xFE"), strings.HasPrefix(secret, "\xFE\xFF"):
		return "", errors.New("begins with a byte order mark; save it as plain text without one")
	case secret == "":
		return "", errors.New("the file is empty")
	case strings.ContainsAny(secret, "\r\n\x00"):
		return "", errors.New("has more than one line; it must hold the secret and nothing else")
	}
	return secret, nil
}
