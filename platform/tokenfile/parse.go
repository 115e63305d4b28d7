package tokenfile

import (
	"bytes"
	"errors"
	"fmt"
)

// space is the white space that editors and shells leave around a token.
const space = " \t\r\n\v\f"

// Parse returns the registration token in content, without the white space
// around it. A token is visible ASCII in one piece; anything else is refused by
// its position, and no error holds any of it. The error is ErrEmpty if there is
// nothing but white space. The result shares content's memory.
func Parse(content []byte) ([]byte, error) {
	if len(content) > MaxSize {
		return nil, fmt.Errorf("more than %d KiB is no registration token", MaxSize>>10)
	}
	if mark := byteOrderMark(content); mark != "" {
		return nil, fmt.Errorf("begins with a %s byte order mark: save it as plain text without one", mark)
	}
	token := bytes.Trim(content, space)
	if len(token) == 0 {
		return nil, ErrEmpty
	}
	for i, b := range token {
		if bytes.IndexByte([]byte(space), b) >= 0 {
			return nil, errors.New("has white space inside: it must hold one registration token and nothing else")
		}
		if b <= ' ' || b > '~' {
			at := i + bytes.IndexByte(content, token[0]) + 1
			return nil, fmt.Errorf("byte %d is not visible ASCII: it must hold one registration token and nothing else", at)
		}
	}
	return token, nil
}

// byteOrderMark names the mark that content begins with, which some editors and
// PowerShell's redirection write; "" if there is none.
func byteOrderMark(content []byte) string {
	switch {
	case bytes.HasPrefix(content, []byte{0xEF, 0xBB, 0xBF}):
		return "UTF-8"
	case bytes.HasPrefix(content, []byte{0xFF, 0xFE}), bytes.HasPrefix(content, []byte{0xFE, 0xFF}):
		return "UTF-16"
	}
	return ""
}
