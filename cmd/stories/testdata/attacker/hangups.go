package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// leakUsers is how many users ask, one connection after the other.
const leakUsers = 60

// requestAndHangUp makes so many requests that are answered, and so many connections that hang
// up: at every endpoint, at every moment, as many users. It answers when it has no
// connection any more.
func requestAndHangUp(rest string) string {
	var path string
	var requests, connections int
	if _, err := fmt.Sscan(rest, &path, &requests, &connections); err != nil {
		return err.Error()
	}
	each := max(1, requests/max(1, connections))
	for i := 0; requests > 0 || connections > 0; i++ {
		if requests > 0 {
			n := min(each*50, requests)
			if err := requestInTurn(path, i, n); err != nil {
				return err.Error()
			}
			requests -= n
		}
		for j := 0; j < 50 && connections > 0; j++ {
			if err := hangUp(path, i*50+j); err != nil {
				return err.Error()
			}
			connections--
		}
	}
	return "done"
}

// connectAs connects as one of many users; a negative one is root.
func connectAs(path string, i int) (net.Conn, error) {
	uid := 0
	if i >= 0 {
		uid = 60_000 + i%leakUsers
	}
	if err := syscall.Setresuid(-1, uid, -1); err != nil {
		return nil, err
	}
	c, err := net.Dial("unix", path)
	if back := syscall.Setresuid(-1, 0, -1); back != nil {
		return nil, back
	}
	return c, err
}

// requestInTurn asks n times over one connection and takes in the answers: for tokens,
// and each time once for one thing else.
func requestInTurn(path string, i, n int) error {
	c, err := connectAs(path, i)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for k := range n {
		a := userRequests[0]
		if k == n-1 {
			a = userRequests[i%len(userRequests)]
		}
		if strings.Contains(a.path, "/watch") {
			continue // it has no end
		}
		if _, err := io.WriteString(c, a.head()+a.body); err != nil {
			return err
		}
		resp, err := http.ReadResponse(in, &http.Request{Method: a.method})
		if err != nil {
			return fmt.Errorf("%s %s: %w", a.method, a.path, err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return err
		}
	}
	return nil
}

// httpRequest is one request.
type httpRequest struct{ method, path, body string }

func (r httpRequest) head() string {
	return r.method + " " + r.path + " HTTP/1.1\r\nHost: regent\r\nContent-Length: " + strconv.Itoa(len(r.body)) + "\r\n\r\n"
}

// userRequests are what every user asks.
var userRequests = []httpRequest{
	{"POST", "/v1/token", body},
	{"GET", "/v1/status", ""},
	{"HEAD", "/v1/status", ""},
	{"GET", "/v1/watch?application=cad", ""},
	{"GET", "/v1/watch?application=nope", ""},
	{"GET", "/v1/diagnosis", ""},
	{"POST", "/v1/token", `{"application":"cad","instance":"999","wait":5}`},
	{"POST", "/v1/token", `{"application":"none"}`},
	{"POST", "/v1/token", `{"application":`},
	{"DELETE", "/v1/instances/cad/2/lease", ""},
	{"POST", "/v1/instances/cad/2/invalidate", `{"generation":7}`},
	{"GET", "/v1/explain?application=cad&pid=1", ""},
	{"POST", "/v1/registration", `{"registration_token":"r"}`},
	{"DELETE", "/v1/registration", ""},
	{"POST", "/v1/reload", ""},
	{"GET", "/v1/policy", ""},
	{"POST", "/v1/instances/cad/2/redeem", ""},
	{"DELETE", "/v1/instances/cad/2", ""},
	{"GET", "/v1/ledger", ""},
	{"POST", "/v1/ledger/resolve", `{"id":"x","consumed":true}`},
	{"GET", "/v1/store", ""},
	{"POST", "/v1/store/rekey", `{"really":false}`},
	{"GET", "/metrics", ""},
	{"GET", "/v1/contract", ""},
	{"GET", "/no/such/path", ""},
	{"BREW", "/v1/status", ""},
}

// byRoot are what root asks: nothing that changes what the daemon has.
var byRoot = []httpRequest{
	{"GET", "/v1/status", ""},
	{"GET", "/v1/watch?application=cad", ""},
	{"GET", "/v1/diagnosis", ""},
	{"GET", "/v1/explain?application=cad&pid=1", ""},
	{"GET", "/v1/policy", ""},
	{"GET", "/v1/ledger?verify=true", ""},
	{"POST", "/v1/ledger/resolve", `{"id":"x","consumed":true}`},
	{"GET", "/v1/store", ""},
	{"GET", "/metrics", ""},
}

// moments are how far a client comes before it hangs up.
const moments = 10

// hangUp does the i-th of all pairs of an endpoint and a moment.
func hangUp(path string, i int) error {
	user, list := i, userRequests
	if i%16 == 15 {
		user, list = -1, byRoot
	}
	r := list[i/moments%len(list)]
	c, err := connectAs(path, user)
	if err != nil {
		return err
	}
	defer c.Close()
	head, whole := r.head(), r.head()+r.body
	send := func(s string) { _, _ = io.WriteString(c, s) }
	hear := func(n int) {
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.ReadFull(c, make([]byte, n))
	}
	switch i % moments {
	case 0: // after the connection
	case 1:
		send(head[:9])
	case 2:
		send(head[:len(head)-3])
	case 3:
		send(head)
	case 4:
		send(head + r.body[:len(r.body)/2])
	case 5, 6: // before the answer
		send(whole)
	case 7:
		send(whole + whole)
	case 8: // while the answer is written
		send(whole)
		hear(16)
	case 9: // in the answer, or in the middle of a watch
		send(whole)
		hear(600)
	}
	return nil
}
