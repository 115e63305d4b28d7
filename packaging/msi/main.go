// Command msi writes the input of Windows Installer's tools for packaging/msi/build.
//
//	msi tables     every table as text, and the streams that tables refer to
//	msi payload    the files to install, in the cabinet's order
//	msi resources  the version resource and the manifest of a program
//	msi names      the names and paths on Windows, as assignments for a shell
//
// Names, paths and access lists come from platform/layout, names of settings from
// agent/policy. The same input always gives the same text.
package main

import (
	"crypto/md5" //nolint:gosec // what Windows Installer compares files by
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "msi:", err)
		os.Exit(1)
	}
}

// errUsage names the subcommands.
var errUsage = errors.New("usage: msi tables|payload|resources|names [FLAG...]")

func run(args []string, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	switch args[0] {
	case "tables":
		return runTables(flags, args[1:])
	case "payload":
		for _, p := range InstalledFiles() {
			if _, err := fmt.Fprintln(out, p.File); err != nil {
				return err
			}
		}
		return nil
	case "resources":
		return runResources(flags, args[1:])
	case "names":
		_, err := fmt.Fprint(out, shellVariables())
		return err
	}
	return errUsage
}

func runTables(flags *flag.FlagSet, args []string) error {
	var o options
	flags.StringVar(&o.version, "version", "", "`version` of the package, as 1.2.3")
	flags.StringVar(&o.arch, "arch", "", "amd64 or arm64")
	flags.StringVar(&o.language, "language", languages[0].name, "of the texts")
	flags.StringVar(&o.stage, "stage", "", "`directory` of the files to install")
	flags.StringVar(&o.license, "license", "", "`file` that the first dialog shows")
	flags.StringVar(&o.scripts, "scripts", "", "`directory` of the scripts")
	flags.StringVar(&o.out, "out", "", "empty `directory` to write to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return o.write()
}

func runResources(flags *flag.FlagSet, args []string) error {
	program := flags.String("program", "", "the program's `name`")
	version := flags.String("version", "", "the version, for people")
	numbers := flags.String("numbers", "", "the version as numbers, for Windows: 1.2.3")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 || *version == "" || *numbers == "" {
		return errors.New("usage: msi resources -program NAME -version VERSION -numbers N.N.N DIRECTORY")
	}
	return writeResources(flags.Arg(0), *program, *version, *numbers)
}

type options struct{ version, arch, language, stage, license, scripts, out string }

func (o options) write() error {
	license, err := os.ReadFile(o.license)
	if err != nil {
		return err
	}
	b := Build{Version: o.version, Arch: o.arch, Language: o.language, License: string(license)}
	all := sha256.New() // of all that the package is made of
	for _, p := range InstalledFiles() {
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
	force := "\r\n\r\n" + codePage + "\t_ForceCodepage\r\n"
	if err := os.WriteFile(filepath.Join(o.out, "_ForceCodepage.idt"), []byte(force), 0o600); err != nil {
		return err
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

// streams writes the binary data of the tables, and passes it to seen.
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
