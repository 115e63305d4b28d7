package main

import (
	"bytes"
	"encoding/binary"
	"image/png"
	"testing"
)

// TestIconIsRead reads the picture as Windows would: the directory, and each of
// the sizes in it.
func TestIconIsRead(t *testing.T) {
	b, err := Icon()
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	if got := [2]uint16{le.Uint16(b), le.Uint16(b[2:])}; got != [2]uint16{0, 1} {
		t.Fatalf("the head is %v, want that of an icon", got)
	}
	wants := []int{16, 32, 48, 256}
	if got := int(le.Uint16(b[4:])); got != len(wants) {
		t.Fatalf("got %d sizes, want %d", got, len(wants))
	}
	end := 6 + 16*len(wants)
	for i, want := range wants {
		entry := b[6+16*i:]
		length, at := int(le.Uint32(entry[8:])), int(le.Uint32(entry[12:]))
		if at != end || at+length > len(b) {
			t.Fatalf("size %d is at %d with %d bytes, want it at %d", want, at, length, end)
		}
		end = at + length
		img, err := png.Decode(bytes.NewReader(b[at:end]))
		if err != nil {
			t.Fatalf("size %d: %v", want, err)
		}
		if got := img.Bounds().Dx(); got != want || int(entry[0]) != want%256 {
			t.Errorf("got %d pixels, announced as %d, want %d", got, entry[0], want)
		}
		_, _, _, corner := img.At(0, 0).RGBA()
		_, _, _, middle := img.At(want/2, want/2).RGBA()
		if corner != 0 || middle == 0 {
			t.Errorf("size %d is not a round picture on nothing", want)
		}
	}
	if end != len(b) {
		t.Errorf("%d bytes follow the last size", len(b)-end)
	}
}

func TestFileVersion(t *testing.T) {
	le := binary.LittleEndian
	fixed := le.AppendUint32(le.AppendUint32(nil, 0xFEEF04BD), 0x10000)
	fixed = le.AppendUint32(le.AppendUint32(fixed, 1<<16|26), 47015<<16|7)
	fixed = append(fixed, make([]byte, 36)...)
	for _, tt := range []struct {
		name    string
		program []byte
		want    string
	}{
		{"with a version", append([]byte("MZ and so on"), fixed...), "1.26.47015.7"},
		{"without", []byte("MZ and so on"), ""},
		{"the number by chance", le.AppendUint32(make([]byte, 100), 0xFEEF04BD), ""},
		{"cut off", fixed[:20], ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := FileVersion(tt.program); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
