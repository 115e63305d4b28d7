package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// parallelRequests is how many requests run at a time. Five attackers have fewer connections than one user may
// have that the device does not know: one that is closed is no refusal.
const parallelRequests = 64

// requestDenied asks n times for what is refused, each time over a new connection, and
// returns how often it was refused for what it userRequests, and not for asking too
// often.
func requestDenied(spec string) string {
	words := strings.Fields(spec) // SOCKET N WHAT
	n, err := strconv.Atoi(words[1])
	if err != nil {
		return err.Error()
	}
	var left, refused atomic.Int64
	left.Store(int64(n))
	var all sync.WaitGroup
	for range parallelRequests {
		all.Go(func() {
			for i := left.Add(-1); i >= 0; i = left.Add(-1) {
				if said := statusOf(words[0], refusedRequest(words[2], int(i))); said == http.StatusForbidden || said == http.StatusNotFound {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	return fmt.Sprint(refused.Load())
}

// refusedRequest is a request that is refused.
func refusedRequest(what string, i int) string {
	switch what {
	case "unknown":
		return request("POST", "/v1/token", fmt.Sprintf(`{"application":"none-%d"}`, i))
	case "watch":
		return request("GET", "/v1/watch?application=cad", "")
	case "release":
		return request("DELETE", fmt.Sprintf("/v1/instances/cad/%d/lease", i%10000+1), "")
	case "resolve":
		return request("POST", "/v1/ledger/resolve", fmt.Sprintf(`{"id":"%d%s","consumed":true}`, i, strings.Repeat("x", 60_000)))
	default:
		return request("POST", "/v1/token", body)
	}
}

// statusOf makes a request over a connection of its own, and returns its status; 0
// if there was none.
func statusOf(socket, request string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return 0
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, request); err != nil {
		return 0
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	return resp.StatusCode
}
