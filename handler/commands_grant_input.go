package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/embedded"
	"github.com/authorization-fabric/fabric/handler/internal/grant"
	"github.com/authorization-fabric/fabric/policy/strictjson"
)

const (
	maxGrantInput = 1 << 20 // bytes of a token, of parameters, of a key set
	keysTimeout   = 10 * time.Second
)

// read is the token, without what a shell or an editor puts around it.
func (c *grantVerifyCommand) read() (string, error) {
	if c.Token != "-" {
		return strings.TrimSpace(c.Token), nil
	}
	text, err := readBounded(os.Stdin)
	if err != nil {
		return "", fmt.Errorf("read the grant: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

func readBounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxGrantInput+1))
	if err == nil && len(text) > maxGrantInput {
		err = errors.New("longer than 1 MiB")
	}
	return text, err
}

func readFileBounded(path string) (text []byte, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, pathError(path, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if text, err = readBounded(file); err != nil {
		return nil, pathError(path, err)
	}
	return text, nil
}

// parameters are those demanded, nil where none are.
func (c *grantVerifyCommand) parameters() (*strictjson.Value, error) {
	if c.Parameters == "" {
		return nil, nil //nolint:nilnil // nothing is demanded
	}
	text, err := readFileBounded(c.Parameters)
	if err != nil {
		return nil, err
	}
	v, err := strictjson.Parse(text, strictjson.Limits{})
	if err == nil && v.Kind() != strictjson.Object {
		err = errors.New("not a JSON object")
	}
	if err != nil {
		return nil, usageError(fmt.Errorf("--parameters: %s: %w", c.Parameters, err))
	}
	return &v, nil
}

// keys are the public keys that count.
func (c *grantVerifyCommand) keys(e *environment, now time.Time) (grant.KeySet, error) {
	switch {
	case c.JWKS != "" && c.Data != "":
		return grant.KeySet{}, usageError(errors.New("--jwks and --data: give one of them"))
	case c.JWKS == "":
		dir := c.Data
		if dir == "" {
			dir = ".fabric"
		}
		set, err := embedded.ReadGrantKeys(dir, now)
		if errors.Is(err, os.ErrNotExist) {
			return set, usageError(fmt.Errorf("%s holds no grant key: give the --data of the server, or --jwks", dir))
		}
		return set, err
	}
	text, err := c.document(e)
	if err != nil {
		return grant.KeySet{}, err
	}
	set, err := grant.ParseKeySet(text)
	if err != nil {
		return set, usageError(fmt.Errorf("--jwks: %s: %w", c.JWKS, err))
	}
	return set, nil
}

// document is the text of a key set.
func (c *grantVerifyCommand) document(e *environment) ([]byte, error) {
	u, err := url.Parse(c.JWKS)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return readFileBounded(c.JWKS)
	}
	if host := u.Hostname(); u.Scheme == "http" && host != "localhost" && host != "127.0.0.1" && host != "::1" {
		return nil, usageError(errors.New("--jwks: plain http is for this machine only: anybody on the way could put keys there"))
	}
	r, err := http.NewRequestWithContext(e.ctx, http.MethodGet, c.JWKS, nil)
	if err != nil {
		return nil, usageError(fmt.Errorf("--jwks: %w", err))
	}
	client := &http.Client{
		Timeout:       keysTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("fetch the keys: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("fetch the keys: status %d", response.StatusCode)
	}
	return readBounded(response.Body)
}
