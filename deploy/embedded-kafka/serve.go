package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// serve runs the broker until it is told to end.
func serve(opts options, stdout io.Writer, log *lineLog, stops <-chan struct{}) error {
	if opts.dataDir != "" {
		lock, err := lockDir(opts.dataDir, lockPatience)
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	door, err := openDoor(opts.port, log)
	if err != nil {
		return err
	}
	defer door.Close()
	b, err := start(opts, door, log)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "ready %s\n", door.address)
	tick := time.NewTicker(housekeepingInterval)
	defer tick.Stop()
	for {
		select {
		case <-stops:
			return b.end()
		case <-tick.C:
			if b, err = b.housekeep(); err != nil {
				return err
			}
		}
	}
}

// door is the listening socket. It stays open while the broker inside is replaced, so that nobody else gets the port and
// clients that connect meanwhile wait instead of being refused.
type door struct {
	socket  *os.File
	address string
	log     *lineLog
}

func openDoor(port int, log *lineLog) (*door, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("port %d is in use by another process: stop it, or give another --port", port)
	}
	if err != nil {
		return nil, fmt.Errorf("listening on 127.0.0.1:%d: %w", port, err)
	}
	defer listener.Close()
	socket, err := listener.(*net.TCPListener).File()
	if err != nil {
		return nil, fmt.Errorf("listening on 127.0.0.1:%d: %w", port, err)
	}
	return &door{socket: socket, address: listener.Addr().String(), log: log}, nil
}

// listen is what kfake calls to listen.
func (d *door) listen(string, string) (net.Listener, error) {
	listener, err := net.FileListener(d.socket)
	if err != nil {
		return nil, err
	}
	return &guardedListener{listener, d.log}, nil
}

func (d *door) Close() { d.socket.Close() }
