// Command winestub writes a bcryptprimitives.dll for Wine 8, which lacks the one
// that Go programs load. It has an export table and nothing else: ProcessPrng is
// forwarded to the function of ADVAPI32 that does the same.
//
//	go run ./.ci/winestub FILE
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
)

// Where things are in the file and in memory.
const (
	fileAlign    = 0x200
	sectionAlign = 0x1000
	section      = 0x1000 // address of the only section
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: winestub FILE")
		os.Exit(2)
	}
	if err := os.WriteFile(os.Args[1], image(exports("bcryptprimitives.dll", "ProcessPrng", "ADVAPI32.SystemFunction036")), 0o755); err != nil {
		fmt.Fprintln(os.Stderr, "winestub:", err)
		os.Exit(1)
	}
}

// exports returns an export directory of one function that is forwarded. A
// function's address that lies inside the directory is the name it goes to.
func exports(dll, name, to string) []byte {
	const tables = 40 // behind the directory: address, name pointer, ordinal
	b := make([]byte, tables+4+4+2)
	at := func(text string) uint32 {
		address := uint32(section + len(b))
		b = append(append(b, text...), 0)
		return address
	}
	dllAt, nameAt, toAt := at(dll), at(name), at(to)
	for offset, v := range map[int]uint32{
		12: dllAt, 16: 1, 20: 1, 24: 1, // name, first ordinal, functions, names
		28: section + tables, 32: section + tables + 4, 36: section + tables + 8,
		tables: toAt, tables + 4: nameAt,
	} {
		binary.LittleEndian.PutUint32(b[offset:], v)
	}
	return b
}

// image returns a PE32+ library with the export directory as its only section.
func image(exports []byte) []byte {
	size := uint32(len(exports))
	padded := append(bytes.Clone(exports), make([]byte, fileAlign-len(exports)%fileAlign)...)
	var b bytes.Buffer
	put := func(values ...any) {
		for _, v := range values {
			binary.Write(&b, binary.LittleEndian, v) // a buffer takes all
		}
	}
	dos := make([]byte, 64)
	copy(dos, "MZ")
	dos[60] = 64
	put(dos, []byte("PE\x00\x00"))
	put(uint16(0x8664), uint16(1), [3]uint32{}, uint16(240), uint16(0x2022))        // amd64, one section, a library
	put(uint16(0x20b), [2]byte{14, 0}, uint32(0), uint32(len(padded)), [3]uint32{}) // PE32+, no code, no entry
	put(uint64(0x180000000), uint32(sectionAlign), uint32(fileAlign), [6]uint16{6, 0, 0, 0, 6, 0}, uint32(0))
	put(uint32(section+sectionAlign), uint32(fileAlign), uint32(0), uint16(3), uint16(0x160))
	put([4]uint64{0x100000, 0x1000, 0x100000, 0x1000}, uint32(0), uint32(16))
	put([2]uint32{section, size}, [15][2]uint32{}) // of the directories only the exports
	put([8]byte{'.', 'e', 'd', 'a', 't', 'a'}, size, uint32(section), uint32(len(padded)), uint32(fileAlign), [3]uint32{}, uint32(0x40000040))
	b.Write(make([]byte, fileAlign-b.Len()))
	b.Write(padded)
	return b.Bytes()
}
