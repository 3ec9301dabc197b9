package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestMain lets the test binary be the broker itself.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_BROKER") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a broker of its own, started with args.
type process struct {
	*exec.Cmd
	address string
	stdin   io.WriteCloser
	stderr  *strings.Builder
}

func command(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), stderr: &strings.Builder{}}
	p.Env = append(os.Environ(), "BE_THE_BROKER=1")
	p.Stderr = p.stderr
	return p
}

func launch(t *testing.T, args ...string) *process {
	t.Helper()
	p := command(t, args...)
	stdout, err := p.StdoutPipe()
	check(t, err)
	p.stdin, err = p.StdinPipe()
	check(t, err)
	check(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("no line on stdout (%v), stderr: %s", err, p.stderr)
	}
	if _, err := fmt.Sscanf(line, "ready %s\n", &p.address); err != nil {
		t.Fatalf("not the ready line: %q", line)
	}
	return p
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func port(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

func connect(t *testing.T, address string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(address))...)
	check(t, err)
	t.Cleanup(client.Close)
	return client
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// values reads count records of a topic from its beginning.
func values(t *testing.T, client *kgo.Client, topic string, count int) []string {
	t.Helper()
	client.AddConsumeTopics(topic)
	var all []string
	for len(all) < count {
		fetches := client.PollFetches(within(t))
		check(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) { all = append(all, string(r.Value)) })
	}
	return all
}

func TestAcknowledgedRecordsSurviveKill9(t *testing.T) {
	dir := t.TempDir()
	p := launch(t, "--data-dir", dir, "--port", "0")
	makeTopic(t, p.address, "t", nil)
	// This producer lives through all brokers. What one that ended well left behind must not mislead the one after a kill.
	producer := connect(t, p.address, kgo.DefaultProduceTopic("t"))
	var want []string
	produce := func() {
		for range 100 {
			value := fmt.Sprint(len(want))
			check(t, producer.ProduceSync(within(t), kgo.StringRecord(value)).FirstErr())
			want = append(want, value)
		}
	}
	produce()
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGKILL} {
		check(t, p.Process.Signal(signal))
		_ = p.Wait()
		p = launch(t, "--data-dir", dir, "--port", port(p.address))
		produce()
	}
	got := values(t, connect(t, p.address), "t", len(want))
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("written %v, read %v", want, got)
	}
}

func TestSecondOnTheSameDirectoryNamesTheFirst(t *testing.T) {
	dir := t.TempDir()
	first := launch(t, "--data-dir", dir, "--port", "0")
	_, err := lockDir(dir, 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d", first.Process.Pid)) {
		t.Fatalf("the lock was given, or not said to whom: %v", err)
	}
	check(t, first.Process.Signal(syscall.SIGTERM))
	// It is waited for, although it may not have ended yet.
	lock, err := lockDir(dir, lockPatience)
	check(t, err)
	check(t, lock.Close())
	check(t, first.Wait())
}

func TestPortInUseIsRefused(t *testing.T) {
	first := launch(t, "--memory", "--port", "0")
	second := command(t, "--memory", "--port", port(first.address))
	if err := second.Run(); err == nil || second.ProcessState.ExitCode() != 1 {
		t.Fatalf("it ended with %v", err)
	}
	if want := "port " + port(first.address) + " is in use"; !strings.Contains(second.stderr.String(), want) {
		t.Fatalf("it said %q", second.stderr)
	}
}

func TestWhoDoesNotSpeakKafkaIsShutOut(t *testing.T) {
	p := launch(t, "--memory", "--port", "0")
	for _, junk := range []string{"GET / HTTP/1.1\r\n\r\n", "\x00\x00\x00\x0a\x7f\xff\x00\x00\x00\x00\x00\x01\xff\xff"} {
		conn, err := net.Dial("tcp", p.address)
		check(t, err)
		_, err = conn.Write([]byte(junk))
		check(t, err)
		check(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		if n, err := conn.Read(make([]byte, 1)); n != 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q was answered or waited for: %v", junk, err)
		}
		check(t, conn.Close())
	}
	makeTopic(t, p.address, "still-serving", nil)
}

func TestEndsWithItsParentAndNotBefore(t *testing.T) {
	dir := t.TempDir()
	p := launch(t, "--data-dir", dir, "--port", "0", "--with-parent")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		check(t, p.Process.Signal(signal))
		makeTopic(t, p.address, fmt.Sprint("after-", int(signal)), nil)
	}
	check(t, p.stdin.Close())
	check(t, p.Wait())
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--memory", "--data-dir", "x"}, {"--memory", "--port", "65536"}, {"--memory", "more"}, {"--no-such"},
	} {
		p := command(t, args...)
		if _ = p.Run(); p.ProcessState.ExitCode() != 2 || strings.Count(p.stderr.String(), "\n") != 1 {
			t.Errorf("%q: exit code %d, said %q", args, p.ProcessState.ExitCode(), p.stderr)
		}
	}
}
