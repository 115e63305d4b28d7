package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// FileVersion finds the version in the version resource of a Windows program, or
// "" if it has none. Windows Installer compares files by it.
func FileVersion(program []byte) string {
	const (
		signature = 0xFEEF04BD // of the part with the fixed fields
		length    = 52
	)
	at := bytes.Index(program, binary.LittleEndian.AppendUint32(nil, signature))
	// The number alone may stand in code; the version of its own form follows it.
	if at < 0 || at+length > len(program) || binary.LittleEndian.Uint32(program[at+4:]) != 0x10000 {
		return ""
	}
	high, low := binary.LittleEndian.Uint32(program[at+8:]), binary.LittleEndian.Uint32(program[at+12:])
	return fmt.Sprintf("%d.%d.%d.%d", high>>16, high&0xffff, low>>16, low&0xffff)
}
