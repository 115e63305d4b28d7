// Package filewatch receives change events of files, apart from the loop that acts on them.
package filewatch

import "github.com/fsnotify/fsnotify"

// Forward receives from events until that is closed, and tells of what concerns
// the reader: each event whose path concerns admits, and each error, since some
// changes were then lost. told has room for one; while it is full the reader has
// yet to hear of the last one. Pump runs in a goroutine of its own, since on
// Windows fsnotify's Add waits for the thread that sends.
func Forward(events *fsnotify.Watcher, concerns func(path string) bool, told chan<- struct{}) {
	for {
		select {
		case e, ok := <-events.Events:
			if !ok {
				return
			}
			if !concerns(e.Name) {
				continue
			}
		case _, ok := <-events.Errors:
			if !ok {
				return
			}
		}
		select {
		case told <- struct{}{}:
		default:
		}
	}
}
