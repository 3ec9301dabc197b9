package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"
)

// stops tells once when to end.
func stops(withParent bool, stdin io.Reader) <-chan struct{} {
	// A parent that was killed leaves pipes without readers; a log line must not end the broker before it has saved.
	signal.Ignore(syscall.SIGPIPE)
	told := make(chan struct{}, 1)
	if withParent {
		// Ctrl-C, and a service manager's SIGTERM, reach the whole process group; the parent still needs the broker to
		// drain and then ends it.
		signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGTERM)
		go func() {
			_, _ = io.Copy(io.Discard, stdin)
			told <- struct{}{}
		}()
		return told
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		<-signals
		told <- struct{}{}
	}()
	return told
}
