package main

import (
	"encoding/binary"
	"errors"
	"net"

	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// requestBytesMax is the largest request, as in Kafka.
	requestBytesMax = 100 << 20
	// requestBytesMin: key, version, number, and the length of the client's name.
	requestBytesMin = 10
)

var errNoKafka = errors.New("this is not the protocol of Kafka")

// guardedListener accepts connections that are closed at the first request that is none. kfake allocates whatever size a
// request claims to have, and panics on a kind it does not know.
type guardedListener struct {
	net.Listener
	log *lineLog
}

func (l *guardedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &guardedConn{Conn: conn, log: l.log}, nil
}

// guardedConn looks at size and kind of each request that is read from it.
type guardedConn struct {
	net.Conn
	log    *lineLog
	header []byte // of the request that begins
	left   int    // bytes of the request after its header
}

func (c *guardedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.inspect(p[:n]) {
		c.log.warn("a client at %s does not speak the protocol of Kafka; its connection is closed", c.RemoteAddr())
		return 0, errNoKafka
	}
	return n, err
}

// inspect tells whether what comes next can be requests.
func (c *guardedConn) inspect(p []byte) bool {
	for len(p) > 0 {
		if c.left > 0 {
			taken := min(c.left, len(p))
			c.left -= taken
			p = p[taken:]
			continue
		}
		c.header = append(c.header, p[0])
		p = p[1:]
		switch len(c.header) {
		case 4:
			if size := binary.BigEndian.Uint32(c.header); size < requestBytesMin || size > requestBytesMax {
				return false
			}
		case 6:
			if kmsg.RequestForKey(int16(binary.BigEndian.Uint16(c.header[4:]))) == nil {
				return false
			}
			c.left = int(binary.BigEndian.Uint32(c.header)) - 2
			c.header = c.header[:0]
		}
	}
	return true
}
