package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

const body = `{"application":"cad"}`

// request is the one prepared request.
var request = fmt.Sprintf("POST /v1/token HTTP/1.1\r\nHost: regent\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)

// rawClient is a connection. It repeatedly writes one request and reads one reply. Only one
// goroutine may use it.
type rawClient struct {
	net.Conn
	reply [16 << 10]byte
}

func connect(ctx context.Context, socket string) (*rawClient, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	return &rawClient{Conn: c}, nil
}

// do writes the request and reads the whole reply, by the length in its header.
func (a *rawClient) do() (reply []byte, err error) {
	if _, err := a.Write([]byte(request)); err != nil {
		return nil, err
	}
	n, whole := 0, 0
	for whole == 0 || n < whole {
		read, err := a.Read(a.reply[n:])
		n += read
		if err == nil && whole == 0 {
			whole, err = lengthOf(a.reply[:n])
		}
		if err != nil {
			return nil, err
		}
	}
	return a.reply[:n], nil
}

var (
	statusOK     = []byte("HTTP/1.1 200 ")
	headerEnd    = []byte("\r\n\r\n")
	lengthHeader = []byte("Content-Length: ")
)

// lengthOf returns the length of a reply with its header, 0 if the header is incomplete.
func lengthOf(reply []byte) (int, error) {
	end := bytes.Index(reply, headerEnd)
	if end < 0 {
		return 0, nil
	}
	if !bytes.HasPrefix(reply, statusOK) {
		return 0, fmt.Errorf("it answers %.200q", reply)
	}
	_, rest, found := bytes.Cut(reply[:end+2], lengthHeader)
	digits, _, _ := bytes.Cut(rest, headerEnd[:2])
	n, err := strconv.Atoi(string(digits))
	if !found || err != nil {
		return 0, errors.New("it answers without a length")
	}
	return end + len(headerEnd) + n, nil
}

// sample has the duration of each request, and of all requests.
type sample struct {
	each []time.Duration
	took time.Duration
	cpu  time.Duration // of the server, for all
}

func (s *sample) add(o sample) {
	s.each = append(s.each, o.each...)
	s.took += o.took
	s.cpu += o.cpu
}

// cost returns the server's CPU time for one request.
func (s sample) cost() time.Duration { return s.cpu / time.Duration(max(1, len(s.each))) }

func (s sample) rate() float64 { return float64(len(s.each)) / s.took.Seconds() }

// quantile returns the time within which this part of the requests was answered.
func (s sample) quantile(part float64) time.Duration {
	if len(s.each) == 0 {
		return 0
	}
	slices.Sort(s.each)
	return s.each[min(len(s.each)-1, int(part*float64(len(s.each))))]
}

// load asks over n parallel connections for a while. It keeps the connections, or uses a new
// one for each request.
func load(ctx context.Context, socket string, n int, keep bool, d time.Duration) (sample, error) {
	samples, errs := make([]sample, n), make([]error, n)
	var asking sync.WaitGroup
	began := now()
	for i := range n {
		asking.Go(func() { errs[i] = samples[i].askUntil(ctx, socket, keep, began.Add(d)) })
	}
	asking.Wait()
	all := sample{took: since(began)}
	for _, s := range samples {
		all.each = append(all.each, s.each...)
	}
	return all, errors.Join(errs...)
}

// askUntil asks repeatedly until end. The time of a new connection counts.
func (s *sample) askUntil(ctx context.Context, socket string, keep bool, end time.Time) error {
	ask := func() ([]byte, error) { return askOnce(ctx, socket) }
	if keep {
		a, err := connect(ctx, socket)
		if err != nil {
			return err
		}
		defer a.Close()
		ask = a.do
	}
	for now().Before(end) {
		began := now()
		if _, err := ask(); err != nil {
			return err
		}
		s.each = append(s.each, since(began))
	}
	return nil
}

// askOnce asks over a new connection.
func askOnce(ctx context.Context, socket string) ([]byte, error) {
	a, err := connect(ctx, socket)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	return a.do()
}
