package filewatch

import (
	"errors"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// TestForward: what concerns the reader is told, an error too, and once while
// nobody has listened; a closed watcher ends it.
func TestForward(t *testing.T) {
	events := &fsnotify.Watcher{Events: make(chan fsnotify.Event), Errors: make(chan error)}
	told := make(chan struct{}, 1)
	ended := make(chan struct{})
	go func() {
		Forward(events, func(path string) bool { return path == "ours" }, told)
		close(ended)
	}()
	events.Events <- fsnotify.Event{Name: "theirs"}
	events.Events <- fsnotify.Event{Name: "theirs"} // received only once the first was dealt with
	if len(told) != 0 {
		t.Error("told of a file that concerns nobody here")
	}
	for range 3 {
		events.Events <- fsnotify.Event{Name: "ours"}
	}
	<-told
	events.Errors <- errors.New("the queue overflowed")
	<-told
	close(events.Events)
	<-ended
}
