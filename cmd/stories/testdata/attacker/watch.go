package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// watch watches over n connections. It says "watching" once each was told what
// is, and in the end when the last one was told of the generation, in nanoseconds
// of the epoch.
func watch(socket string, n int, generation string) string {
	var watching, told sync.WaitGroup
	watching.Add(n)
	for range n {
		told.Go(func() {
			c, err := net.Dial("unix", socket)
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Fprint(c, "GET /v1/watch?application=cad HTTP/1.1\r\nHost: regent\r\n\r\n")
			first := sync.OnceFunc(watching.Done)
			for lines := bufio.NewScanner(c); lines.Scan(); {
				if text := lines.Text(); strings.HasPrefix(text, "HTTP/1.1 ") && !strings.HasPrefix(text, "HTTP/1.1 200 ") {
					fmt.Println(text) // it is told of nothing
				}
				if !strings.HasPrefix(lines.Text(), "data: ") {
					continue
				}
				first()
				if strings.Contains(lines.Text(), `"generation":`+generation+"}") {
					return
				}
			}
		})
	}
	watching.Wait()
	fmt.Println("watching")
	told.Wait()
	return fmt.Sprint(time.Now().UnixNano())
}
