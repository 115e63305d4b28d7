package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"regent/agent/token"
	"regent/platform/tokenfile"
)

// maxCredentials bounds the file in bytes.
const maxCredentials = 4096

// proxyCredentials reads the proxy's user and password from a file that not
// everyone may read, and no stranger may write. No file, "", is none. The error
// holds nothing of it.
func proxyCredentials(path string) (token.Secret, error) {
	if path == "" {
		return token.Secret{}, nil
	}
	_, err := checkOwnWriters(path)
	var secret token.Secret
	if err == nil {
		secret, err = readCredentials(path)
	}
	if err != nil {
		return token.Secret{}, fmt.Errorf("network.proxy_credentials_file %s: %w", path, bareError(err))
	}
	return secret, nil
}

// readCredentials reads that file, whoever may write it. The error does not name it.
func readCredentials(path string) (token.Secret, error) {
	text, err := readRegular(path, os.Stat)
	if err != nil {
		return token.Secret{}, fmt.Errorf("%w; put the credentials there, or correct the key", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return token.Secret{}, bareError(err)
	}
	if err := readableByAll(path, info); err != nil && !tokenfile.IsReadOnly(path) { // as a container's secret, it cannot be closed here
		return token.Secret{}, err
	}
	text = bytes.TrimRight(text, "\r\n")
	if user, _, found := bytes.Cut(text, []byte(":")); !found || len(user) == 0 || len(text) > maxCredentials || bytes.ContainsAny(text, "\r\n\x00") {
		return token.Secret{}, errors.New("is not one line of the form user:password; write that line, and nothing else, into it")
	}
	return token.NewSecret(string(text)), nil
}
