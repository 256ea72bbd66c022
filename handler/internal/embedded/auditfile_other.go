//go:build !linux

package embedded

import "os"

// syncData makes the bytes of a file and its length durable.
func syncData(file *os.File) error { return file.Sync() }
