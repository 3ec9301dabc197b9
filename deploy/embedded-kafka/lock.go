package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// lockPatience is how long a predecessor may take to end; one that was just told to writes its state first.
const lockPatience = 10 * time.Second

// lockDir makes the directory and takes the exclusive lock on it. The lock lasts as long as the returned file is open,
// so a process that dies loses it.
func lockDir(dir string, patience time.Duration) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be locked: %w", err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("the data directory %s cannot be locked: %w", dir, err)
		}
		if time.Now().After(deadline) {
			holder := holderOf(file)
			file.Close()
			return nil, fmt.Errorf("the data directory %s is in use by %s: stop it, or give another --data-dir", dir, holder)
		}
	}
	if err := errors.Join(file.Truncate(0), writeHolder(file)); err != nil {
		file.Close()
		return nil, fmt.Errorf("the data directory %s cannot be written to: %w", dir, err)
	}
	return file, nil
}

func writeHolder(file *os.File) error {
	_, err := file.WriteAt([]byte(fmt.Sprintf("%d\n", os.Getpid())), 0)
	return err
}

func holderOf(file *os.File) string {
	text := make([]byte, 32)
	n, _ := file.ReadAt(text, 0)
	if pid := strings.TrimSpace(string(text[:n])); pid != "" {
		return "process " + pid
	}
	return "another process"
}
