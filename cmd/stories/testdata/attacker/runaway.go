package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// runaway is a script that was written in a hurry: it asks for instances by all
// names that come to mind, has them refreshed, gives them back, throws them away
// and has them bought, over ever new connections. It says how often it was given
// a token.
func runaway(spec string) string {
	socket, times, _ := strings.Cut(spec, " ")
	n, err := strconv.Atoi(times)
	if err != nil {
		return err.Error()
	}
	got := 0
	names := []string{"", "1", "2", "3", "4", "999", "10000", "0", "-1", "+1", "01", "1.0", "1/2", "cad/1", " 1", "１"}
	for range n {
		for _, name := range names {
			if statusOf(socket, request("POST", "/v1/token", fmt.Sprintf(`{"application":"cad","instance":%q,"wait":1}`, name))) == http.StatusOK {
				got++
			}
		}
		for _, number := range []string{"1", "2", "3", "4", "999", "01", "-1"} {
			at := "/v1/instances/cad/" + number
			statusOf(socket, request("POST", at+"/invalidate", "{}"))
			statusOf(socket, request("DELETE", at+"/lease", ""))
			statusOf(socket, request("POST", at+"/redeem", ""))
			statusOf(socket, request("DELETE", at, ""))
		}
		statusOf(socket, request("POST", "/v1/registration", `{"registration_token":"made-up"}`))
		statusOf(socket, request("DELETE", "/v1/registration", ""))
		statusOf(socket, request("POST", "/v1/store/reset", `{"really":true}`))
		statusOf(socket, request("POST", "/v1/reload", ""))
	}
	return strconv.Itoa(got)
}

func request(method, path, body string) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: regent\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
}
