// Command attacker is the other process of the attack tests. It does what each
// line of its standard input says, and answers with one line. Its one argument is
// a descriptor that it has already, or "leaderless": then its first thread ends.
//
//	connect SOCKET   connects that descriptor, or a new one that survives exec
//	close            closes it
//	ask              asks for a token over it: the status, then the instance or code
//	flood SOCKET N   connects N times, and keeps it all: how often that worked
//	watch SOCKET GEN watches a hundred times, until each was told of a generation
//	longreplies SOCKET N    asks for all that is long, over N connections, of which every other reads
//	denials SOCKET N WHAT asks N times for what is refused: how often it was
//	runaway SOCKET N asks N times for all that could cost a count: how many tokens it got
//	hangups SOCKET N M  makes N requests of every kind, and hangs up M times at every moment
//	exec PATH        becomes another program, which has the descriptor
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

func init() { runtime.LockOSThread() } // main is the first thread

func main() {
	fd := -1
	if len(os.Args) == 3 && os.Args[1] == "pid-reuse" {
		reuse(os.Args[2])
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "leaderless" {
		go func() {
			fmt.Println("ready")
			runCommands(fd)
			os.Exit(0)
		}()
		_, _, _ = syscall.Syscall(syscall.SYS_EXIT, 0, 0, 0) // this thread alone, which is the first
	}
	if len(os.Args) > 1 {
		fd, _ = strconv.Atoi(os.Args[1])
		fmt.Println("ready")
	}
	runCommands(fd)
}

// runCommands runs the commands of standard input. fd is an open connection, or -1.
func runCommands(fd int) {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "connect":
			fmt.Println(connect(&fd, rest))
		case "close":
			_ = syscall.Close(fd)
			fd = -1
			fmt.Println("closed")
		case "ask":
			fmt.Println(ask(fd))
		case "flood":
			path, times, _ := strings.Cut(rest, " ")
			fmt.Println(flood(path, times))
		case "watch":
			path, rest, _ := strings.Cut(rest, " ")
			times, generation, _ := strings.Cut(rest, " ")
			n, _ := strconv.Atoi(times)
			fmt.Println(watch(path, n, generation))
		case "longreplies":
			fmt.Println(requestLongReplies(rest))
		case "hangups":
			fmt.Println(requestAndHangUp(rest))
		case "denials":
			fmt.Println(requestDenied(rest))
		case "runaway":
			fmt.Println(runaway(rest))
		case "exec":
			fmt.Println(syscall.Exec(rest, []string{rest, strconv.Itoa(fd)}, nil))
		}
	}
}

func connect(fd *int, path string) string {
	if *fd < 0 {
		var err error
		if *fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0); err != nil {
			return err.Error()
		}
	}
	if err := syscall.Connect(*fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return err.Error()
	}
	return "connected"
}

// flood connects again and again, and closes nothing.
func flood(path, times string) string {
	n, err := strconv.Atoi(times)
	if err != nil {
		return err.Error()
	}
	worked := 0
	for range n {
		fd := -1
		if connect(&fd, path) == "connected" {
			worked++
		}
	}
	return strconv.Itoa(worked)
}

const body = `{"application":"cad"}`

func ask(fd int) string {
	request := fmt.Sprintf("POST /v1/token HTTP/1.1\r\nHost: regent\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if _, err := syscall.Write(fd, []byte(request)); err != nil {
		return err.Error()
	}
	resp, err := http.ReadResponse(bufio.NewReader(descriptor(fd)), nil)
	if err != nil {
		return err.Error()
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	var answer struct{ Instance, Code string }
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&answer); err != nil {
		return err.Error()
	}
	return fmt.Sprint(resp.StatusCode, " ", answer.Code+answer.Instance)
}

type descriptor int

func (d descriptor) Read(b []byte) (int, error) {
	n, err := syscall.Read(int(d), b)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
