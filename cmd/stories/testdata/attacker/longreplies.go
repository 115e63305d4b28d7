package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// long are the replies that grow with what the daemon looks after.
var long = []string{"/v1/status", "/v1/diagnosis", "/v1/ledger", "/metrics", "/v1/watch?application=cad", "/v1/policy"}

// requestLongReplies asks for long replies, again and again. Every other connection takes in what
// it gets; the others ask ten times and read nothing.
func requestLongReplies(rest string) string {
	path, times, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(times)
	if err != nil {
		return err.Error()
	}
	for i := range n {
		what := long[0]
		if i%4 >= 2 {
			what = long[i/4%len(long)]
		}
		request := fmt.Sprintf("GET %s HTTP/1.1\r\nHost: regent\r\n\r\n", what)
		if i%2 == 0 {
			go readAll(path, request)
		} else {
			go readSlowly(path, request)
		}
	}
	return "asking"
}

func readAll(path, request string) {
	for {
		c, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		for in := bufio.NewReader(c); ; {
			if _, err := io.WriteString(c, request); err != nil {
				break
			}
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				break
			}
			if _, err := io.Copy(io.Discard, resp.Body); err != nil {
				break
			}
		}
		_ = c.Close()
	}
}

func readSlowly(path, request string) {
	for {
		c, err := net.Dial("unix", path)
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, strings.Repeat(request, 10))
		one := make([]byte, 1) // it takes one byte, and waits for what it did not take
		for range 100 {
			if _, err := c.Read(one); err != nil {
				break
			}
		}
		_ = c.Close()
	}
}
