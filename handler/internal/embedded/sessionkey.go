package embedded

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

const (
	sessionKeyFile  = "session-key"
	sessionKeyBytes = 32
)

// readOrMakeSessionKey reads the secret of console sessions and makes one at
// first start. One that is there and cannot be used is an error, as it is for
// every other secret; without the file all sessions end, and nothing else does.
func readOrMakeSessionKey(dir string) ([]byte, error) {
	key, err := readSessionKey(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	secret := make([]byte, sessionKeyBytes)
	if _, err := io.ReadFull(rand.Reader, secret); err != nil {
		return nil, fmt.Errorf("make the session key: %w", err)
	}
	text := base64.StdEncoding.AppendEncode(nil, secret)
	if err := createOnce(dir, sessionKeyFile, append(text, '\n')); err != nil {
		return nil, fmt.Errorf("keep the session key: %w", err)
	}
	if err := syncDirectory(dir); err != nil {
		return nil, fmt.Errorf("keep the session key: %w", err)
	}
	return readSessionKey(dir)
}

// readSessionKey reads the file: base64 of the secret, and a line feed. No
// error holds anything of it.
func readSessionKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, sessionKeyFile)
	text, err := readSecretFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the session key: %w", err)
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(string(bytes.TrimSuffix(text, []byte("\n"))))
	if err != nil || len(secret) != sessionKeyBytes {
		return nil, fmt.Errorf("the session key %s is damaged: remove it and sign in again", path)
	}
	return secret, nil
}
