package embedded

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/authorization-fabric/fabric/handler/internal/grant"
)

const environmentKeyFile = "environment-key.json"

// readOrMakeEnvironmentKey reads the environment key of a data directory and
// makes one at first start. A key that is there and cannot be used is an error:
// with a new one no open approval would be found again.
func readOrMakeEnvironmentKey(dir string) (grant.EnvironmentKey, error) {
	key, err := readEnvironmentKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	text, err := grant.NewEnvironmentKey(rand.Reader)
	if err != nil {
		return key, err
	}
	if err := createOnce(dir, environmentKeyFile, text); err != nil {
		return key, fmt.Errorf("keep the environment key: %w", err)
	}
	if err := syncDirectory(dir); err != nil {
		return key, fmt.Errorf("keep the environment key: %w", err)
	}
	return readEnvironmentKey(dir)
}

func readEnvironmentKey(dir string) (grant.EnvironmentKey, error) {
	path := filepath.Join(dir, environmentKeyFile)
	info, err := os.Stat(path)
	if err != nil {
		return grant.EnvironmentKey{}, fmt.Errorf("read the environment key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return grant.EnvironmentKey{}, fmt.Errorf("the environment key %s is open to others: set its mode to 0600", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return grant.EnvironmentKey{}, fmt.Errorf("read the environment key: %w", err)
	}
	key, err := grant.ParseEnvironmentKey(text)
	if err != nil {
		return grant.EnvironmentKey{}, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}
