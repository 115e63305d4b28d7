package main

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
)

// Icon is the picture that a list of programs shows: a key, drawn here so that
// nothing in the tree is a picture that nobody can read.
func Icon() ([]byte, error) {
	sizes := []uint16{16, 32, 48, 256}
	var head, body bytes.Buffer
	le := binary.LittleEndian
	head.Write([]byte{0, 0, 1, 0, byte(len(sizes)), 0}) //nolint:gosec // four of them
	offset := 6 + 16*len(sizes)
	for _, size := range sizes {
		var picture bytes.Buffer
		if err := png.Encode(&picture, key(int(size))); err != nil {
			return nil, err
		}
		width := byte(size & 0xff) // 256 is written as 0
		entry := []byte{width, width, 0, 0, 1, 0, 32, 0}
		entry = le.AppendUint32(entry, uint32(picture.Len()))         //nolint:gosec // a few kilobytes
		head.Write(le.AppendUint32(entry, uint32(offset+body.Len()))) //nolint:gosec // a few kilobytes
		body.Write(picture.Bytes())
	}
	return append(head.Bytes(), body.Bytes()...), nil
}

// key draws a light key on a round dark ground, size pixels wide.
func key(size int) image.Image {
	const grid = 4 // samples in a pixel, each way
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			var ground, metal int
			for i := range grid * grid {
				u := (float64(x) + (float64(i%grid)+0.5)/grid) / float64(size)
				v := (float64(y) + (float64(i/grid)+0.5)/grid) / float64(size)
				if math.Hypot(u-0.5, v-0.5) <= 0.5 {
					ground++
				}
				if isOnKey(u, v) {
					metal++
				}
			}
			img.Set(x, y, mix(metal, ground, grid*grid))
		}
	}
	return img
}

// isOnKey reports whether the point is on the key: a ring, a shaft and two teeth,
// in a square of width one.
func isOnKey(u, v float64) bool {
	ring := math.Hypot(u-0.33, v-0.5)
	shaft := u > 0.45 && u < 0.84 && math.Abs(v-0.5) < 0.045
	teeth := v >= 0.5 && v < 0.65 && (u > 0.66 && u < 0.72 || u > 0.78 && u < 0.84)
	return ring < 0.17 && ring > 0.085 || shaft || teeth
}

func mix(metal, ground, of int) color.NRGBA {
	at := func(low, high int) uint8 { return uint8(low + (high-low)*metal/of) } //nolint:gosec // between two bytes
	return color.NRGBA{R: at(0x1f, 0xf4), G: at(0x3a, 0xd3), B: at(0x5f, 0x5e), A: uint8(255 * ground / of)}
}
