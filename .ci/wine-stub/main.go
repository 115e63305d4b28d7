// Command wine-stub writes bcryptprimitives.dll, which Go's runtime loads and
// Wine 8 does not have. The library has no code: it forwards the one function
// that is asked for, ProcessPrng, to the same thing under another name.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// One section at this address holds the export table and nothing else.
const (
	address = 0x1000
	align   = 0x200 // in the file
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: wine-stub FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], library(), 0o644); err != nil { //nolint:gosec // a library is for everyone
		fmt.Fprintln(os.Stderr, "wine-stub:", err)
		os.Exit(1)
	}
}

// put appends values in the byte order of the format.
func put(b *bytes.Buffer, values ...any) {
	for _, v := range values {
		if err := binary.Write(b, binary.LittleEndian, v); err != nil {
			panic(err) // [unexpected] they are all of fixed size
		}
	}
}

// exports is the export table: a directory of 40 bytes, one address, one name,
// one ordinal, then the texts that those point to.
func exports() []byte {
	const (
		directory = 40
		functions = address + directory
		names     = functions + 4
		ordinals  = names + 4
		texts     = ordinals + 2
	)
	own, name, target := "bcryptprimitives.dll\x00", "ProcessPrng\x00", "ADVAPI32.SystemFunction036\x00"
	nameAt := uint32(texts + len(own))
	targetAt := nameAt + uint32(len(name))
	var b bytes.Buffer
	put(&b, uint32(0), uint32(0), uint32(0), uint32(texts), uint32(1), uint32(1), uint32(1), uint32(functions), uint32(names), uint32(ordinals))
	put(&b, targetAt, nameAt, uint16(0)) // an address inside the table is a forward
	b.WriteString(own + name + target)
	return b.Bytes()
}

// library is a PE32+ file with that table.
func library() []byte {
	table := exports()
	size := uint32(len(table))
	raw := (size + align - 1) / align * align
	var b bytes.Buffer
	put(&b, [2]byte{'M', 'Z'}, [58]byte{}, uint32(64)) // where the real header is
	put(&b, [4]byte{'P', 'E'}, uint16(0x8664), uint16(1), [3]uint32{}, uint16(240), uint16(0x2022))
	put(&b, uint16(0x20b), uint16(0), uint32(0), raw, [3]uint32{}, uint64(0x180000000), uint32(address), uint32(align))
	put(&b, [6]uint16{6, 0, 0, 0, 6, 0}, uint32(0), uint32(2*address), uint32(align), uint32(0), uint16(3), uint16(0x160))
	put(&b, [4]uint64{0x100000, 0x1000, 0x100000, 0x1000}, uint32(0), uint32(16), uint32(address), size, [15][2]uint32{})
	put(&b, [8]byte{'.', 'e', 'd', 'a', 't', 'a'}, size, uint32(address), raw, uint32(align), [3]uint32{}, uint32(0x40000040))
	file := make([]byte, align+raw)
	copy(file, b.Bytes())
	copy(file[align:], table)
	return file
}
