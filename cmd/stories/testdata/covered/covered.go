// TestPathOfARequest builds regentd with this file added to its package, for
// coverage. A line "clear" on standard input clears the counters; any other line
// is a directory to write them to. Each line is answered on descriptor 3.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime/coverage"
)

func init() {
	answers := os.NewFile(3, "answers")
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			err := coverage.ClearCounters
			if dir := lines.Text(); dir != "clear" {
				err = func() error {
					return errors.Join(coverage.WriteMetaDir(dir), coverage.WriteCountersDir(dir))
				}
			}
			fmt.Fprintln(answers, err())
		}
	}()
}
