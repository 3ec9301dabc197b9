package main

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// lineLog writes warnings and errors, each as one line.
type lineLog struct {
	mu   sync.Mutex
	out  io.Writer
	exit func(int)
}

func newLineLog(out io.Writer, exit func(int)) *lineLog {
	return &lineLog{out: out, exit: exit}
}

func (l *lineLog) warn(format string, args ...any) { l.line("WARN", fmt.Sprintf(format, args...)) }
func (l *lineLog) error(text string)               { l.line("ERROR", text) }

func (l *lineLog) line(level, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	fmt.Fprintf(l.out, "%s %s\n", level, text)
}

// deletedByBytes says that records went before their time.
func (l *lineLog) deletedByBytes(topic string, partition int32, before int64) {
	l.warn("%s partition %d reached its limit of bytes: the records before offset %d are deleted", topic, partition, before)
}

// Logf is what kfake logs through.
func (l *lineLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level > kfake.LogLevelWarn || level == kfake.LogLevelNone {
		return
	}
	text := fmt.Sprintf(format, args...)
	switch {
	// kfake answers a failed write with an error, but has counted the record: it would take the client's next try for a
	// repetition and acknowledge it. So nothing may be answered any more.
	case strings.HasPrefix(text, "persist ") || strings.Contains(text, "failed to persist"):
		l.error("the data directory cannot be written to, so the broker ends before it acknowledges what is not kept: " + text)
		l.exit(1)
	// Said of anything above 5 ms.
	case strings.HasPrefix(text, "txn: EndTxn slow"):
	case level == kfake.LogLevelError:
		l.error(text)
	default:
		l.warn("%s", text)
	}
}
