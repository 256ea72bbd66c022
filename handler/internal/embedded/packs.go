package embedded

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/authorization-fabric/fabric/policy"
)

// Bounds of a directory of packs: far beyond 10,000 rules a pack.
const (
	maxPackFiles = 1_000
	maxPackFile  = 32 << 20 // bytes
)

const manifestFile = "manifest.json"

// ReadDocuments reads a directory of packs: every *.json in it, without the
// directories below, except *.test.json, *.schema.json and manifest.json. They
// come in the order of their names.
func ReadDocuments(fsys fs.FS) ([]policy.Document, error) {
	names, err := documentNames(fsys)
	if err != nil {
		return nil, err
	}
	docs := make([]policy.Document, 0, len(names))
	for _, name := range names {
		text, err := readPackFile(fsys, name)
		if err != nil {
			return nil, err
		}
		docs = append(docs, policy.Document{Name: name, Text: text})
	}
	return docs, nil
}

func documentNames(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read the packs: %w", err)
	}
	var names []string
	for _, e := range entries {
		if isDocument(e.Name()) && !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) > maxPackFiles {
		return nil, fmt.Errorf("read the packs: %d files, at most %d", len(names), maxPackFiles)
	}
	return names, nil
}

func isDocument(name string) bool {
	// Names with a leading dot are what editors leave beside a file.
	return strings.HasSuffix(name, ".json") && name != manifestFile && !strings.HasPrefix(name, ".") &&
		!strings.HasSuffix(name, ".test.json") && !strings.HasSuffix(name, ".schema.json")
}

// readPackFile reads a regular file, or one that a link leads to. Anything
// else, such as a pipe, could keep the reader for ever.
func readPackFile(fsys fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(fsys, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the packs: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read the packs: %s is not a file", name)
	case info.Size() > maxPackFile:
		return nil, fmt.Errorf("read the packs: %s has %d bytes, at most %d", name, info.Size(), maxPackFile)
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the packs: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxPackFile))
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read the packs: %s: %w", name, err)
	}
	return text, nil
}
