// aerogram-embedded-kafka is a broker of the Kafka protocol for one machine: franz-go's kfake on 127.0.0.1, with a data
// directory. `aerogram run` starts it when it is given no brokers.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const usage = `usage: aerogram-embedded-kafka --data-dir DIR | --memory [--port N] [--partitions N] [--sync] [--with-parent]

A broker of the Kafka protocol on 127.0.0.1, for one machine. It prints "ready 127.0.0.1:PORT" when it serves, and ends
on SIGTERM or SIGINT, unless it was started with --with-parent.

`

// options is what the command line says.
type options struct {
	port       int
	dataDir    string // empty: in memory
	partitions int
	sync       bool
	withParent bool
}

func main() {
	opts, err := parse(os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	log := newLineLog(os.Stderr, os.Exit)
	if err := serve(opts, os.Stdout, log, stops(opts.withParent, os.Stdin)); err != nil {
		log.error(err.Error())
		os.Exit(1)
	}
}

// parse writes the usage to help when it is asked for.
func parse(args []string, help io.Writer) (options, error) {
	var o options
	var memory bool
	flags := flag.NewFlagSet("aerogram-embedded-kafka", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	flags.IntVar(&o.port, "port", 9092, "port on 127.0.0.1; 0 takes a free one")
	flags.StringVar(&o.dataDir, "data-dir", "", "directory that keeps topics, offsets and transactions; made if missing")
	flags.BoolVar(&memory, "memory", false, "keep nothing; for short tests")
	flags.IntVar(&o.partitions, "partitions", 6, "partitions of a topic whose creator names no number")
	flags.BoolVar(&o.sync, "sync", false, "wait for the disk before each answer; otherwise a power failure may cost the last seconds")
	flags.BoolVar(&o.withParent, "with-parent", false, "end when standard input ends, and leave SIGTERM and SIGINT to the parent")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(help, usage)
			flags.SetOutput(help)
			flags.PrintDefaults()
		}
		return o, err
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q: see --help", flags.Arg(0))
	case memory && o.dataDir != "":
		return o, errors.New("--memory and --data-dir exclude each other: give one of them")
	case !memory && o.dataDir == "":
		return o, errors.New("a data directory is needed: give --data-dir DIR, or --memory to keep nothing")
	case o.port < 0 || o.port > 65535:
		return o, fmt.Errorf("--port %d is no port: give 1 to 65535, or 0 for a free one", o.port)
	case o.partitions < 1 || o.partitions > 1000:
		return o, fmt.Errorf("--partitions %d is out of range: give 1 to 1000", o.partitions)
	}
	if o.dataDir != "" {
		dir, err := filepath.Abs(o.dataDir)
		if err != nil {
			return o, fmt.Errorf("--data-dir %s: %w", o.dataDir, err)
		}
		o.dataDir = dir
	}
	return o, nil
}
