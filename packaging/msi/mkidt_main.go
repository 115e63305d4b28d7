package main

import (
	"crypto/md5" //nolint:gosec // what Windows Installer compares files by
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	var o options
	flag.StringVar(&o.version, "version", "", "`version` of the package, as 1.2.3")
	flag.StringVar(&o.arch, "arch", "", "amd64 or arm64")
	flag.StringVar(&o.stage, "stage", "", "`directory` of the files to install")
	flag.StringVar(&o.license, "license", "", "`file` that the first dialog shows")
	flag.StringVar(&o.scripts, "scripts", "", "`directory` of the scripts")
	flag.StringVar(&o.out, "out", "", "empty `directory` to write to")
	list := flag.Bool("payload", false, "list the files to install, in the cabinet's order, and do nothing else")
	flag.Parse()
	var err error
	if *list {
		for _, p := range Payload() {
			_, err = fmt.Fprintln(os.Stdout, p.File)
		}
	} else {
		err = o.write()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "mkidt:", err)
		os.Exit(1)
	}
}

type options struct{ version, arch, stage, license, scripts, out string }

func (o options) write() error {
	license, err := os.ReadFile(o.license)
	if err != nil {
		return err
	}
	b := Build{Version: o.version, Arch: o.arch, License: string(license)}
	all := sha256.New() // of all that the package is made of
	for _, p := range Payload() {
		content, err := os.ReadFile(filepath.Join(o.stage, p.File))
		if err != nil {
			return err
		}
		all.Write(content)
		b.Files = append(b.Files, file(p.File, content))
	}
	tables, err := Tables(b)
	if err != nil {
		return err
	}
	if err := o.streams(all.Write); err != nil {
		return err
	}
	for _, t := range tables {
		all.Write([]byte(t.IDT()))
	}
	for _, t := range tables {
		if t.Name == "_SummaryInformation" {
			t.Rows = append(t.Rows, []string{"9", PackageCode(all.Sum(nil))})
		}
		if err := os.WriteFile(filepath.Join(o.out, t.Name+".idt"), []byte(t.IDT()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// streams writes what stands in tables as binary data, and passes it to seen.
func (o options) streams(seen func([]byte) (int, error)) error {
	picture, err := Icon()
	if err != nil {
		return err
	}
	streams := map[string][]byte{filepath.Join("Icon", "regent.ico.ibd"): picture}
	for _, name := range Scripts() {
		content, err := os.ReadFile(filepath.Join(o.scripts, name)) //nolint:gosec // of the source tree
		if err != nil {
			return err
		}
		if _, err := seen(content); err != nil {
			return err
		}
		streams[filepath.Join("Binary", name+".ibd")] = content
	}
	var errs []error
	for name, content := range streams {
		name = filepath.Join(o.out, name)
		errs = append(errs, os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, content, 0o600))
	}
	return errors.Join(errs...)
}

func file(name string, content []byte) File {
	f := File{Name: name, Size: int64(len(content))}
	if filepath.Ext(name) == ".exe" {
		f.Version = FileVersion(content)
	}
	sum := md5.Sum(content) //nolint:gosec // what Windows Installer compares files by
	for i := range f.Hash {
		f.Hash[i] = binary.LittleEndian.Uint32(sum[4*i:])
	}
	return f
}
