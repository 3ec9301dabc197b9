package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
)

// syncTree waits until all below dir is on the disk.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.Type().IsRegular() && !entry.IsDir() {
			return nil
		}
		return syncOne(path)
	})
}

// syncOne waits until a file, or the names in a directory, are on the disk.
func syncOne(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return file.Sync()
}

// forgetMembers takes the members of groups out of what an ended broker left to the next one. They end with the parent,
// and the next members would wait until they time out. One that lives on is told so and joins again.
func forgetMembers(dir string) error {
	path := filepath.Join(dir, "session_state.json")
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var state map[string]json.RawMessage
	if err := json.Unmarshal(text, &state); err != nil {
		return err
	}
	delete(state, "classicGroups")
	delete(state, "consumerGroups")
	if text, err = json.Marshal(state); err != nil {
		return err
	}
	if err := os.WriteFile(path+".tmp", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".tmp", path)
}
