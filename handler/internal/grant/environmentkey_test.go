package grant

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
)

func TestNewEnvironmentKeyParses(t *testing.T) {
	secret := bytes.Repeat([]byte{7}, secretLength)
	text, err := NewEnvironmentKey(bytes.NewReader(secret))
	if err != nil {
		t.Fatalf("NewEnvironmentKey = %v", err)
	}
	key, err := ParseEnvironmentKey(text)
	if err != nil || key.Previous != nil {
		t.Fatalf("ParseEnvironmentKey = %+v, %v, want a current key only", key, err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("message"))
	if sum := key.Current.Sum([]byte("message")); !bytes.Equal(sum[:], mac.Sum(nil)) {
		t.Error("the key's sum is not the HMAC under its secret")
	}
	if id := key.Current.ID(); id != "5e41a1ba02529cea" { // ids are written into records: they must not change
		t.Errorf("id = %s, want 5e41a1ba02529cea", id)
	}
}

func TestNewEnvironmentKeyNeedsRandomness(t *testing.T) {
	if text, err := NewEnvironmentKey(iotest.ErrReader(errors.New("no randomness"))); err == nil {
		t.Errorf("NewEnvironmentKey without randomness = %s, want an error", text)
	}
	a, _ := NewEnvironmentKey(rand.Reader)
	b, _ := NewEnvironmentKey(rand.Reader)
	if bytes.Equal(a, b) {
		t.Error("two keys are the same")
	}
}

// rotated is a key with a previous one.
func rotated(t *testing.T) string {
	t.Helper()
	a, errA := NewEnvironmentKey(bytes.NewReader(bytes.Repeat([]byte{1}, secretLength)))
	b, errB := NewEnvironmentKey(bytes.NewReader(bytes.Repeat([]byte{2}, secretLength)))
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	previous := strings.Replace(strings.TrimPrefix(strings.TrimSpace(string(b)), `{"schema":1,`), "current", "previous", 1)
	return strings.TrimSuffix(strings.TrimSpace(string(a)), "}") + "," + previous
}

func TestParseEnvironmentKeyDuringRotation(t *testing.T) {
	key, err := ParseEnvironmentKey([]byte(rotated(t)))
	if err != nil || key.Previous == nil || key.Previous.ID() == key.Current.ID() {
		t.Errorf("ParseEnvironmentKey = %+v, %v, want two keys", key, err)
	}
}

// A damaged key is an error that does not tell it, never another key.
func TestParseEnvironmentKeyRefuses(t *testing.T) {
	whole := rotated(t)
	secret := whole[strings.Index(whole, `"secret":"`)+10:][:44]
	for name, text := range map[string]string{
		"nothing":            "",
		"no JSON":            "secret",
		"null":               "null",
		"no key":             `{"schema":1}`,
		"another schema":     strings.Replace(whole, `"schema":1`, `"schema":2`, 1),
		"a letter changed":   strings.Replace(whole, secret, "B"+secret[1:], 1),
		"not base64":         strings.Replace(whole, secret, "!"+secret[1:], 1),
		"too short a secret": strings.Replace(whole, secret, "AAAA", 1),
		"no secret":          strings.Replace(whole, secret, "", 1),
		"a damaged previous": strings.Replace(whole, `"previous":{"id":"`, `"previous":{"id":"0`, 1),
		"the same twice":     whole[:strings.Index(whole, `"previous"`)] + `"previous"` + whole[strings.Index(whole, `:{`):strings.Index(whole, "}")] + "}}",
		"a name twice":       strings.Replace(whole, `"schema":1`, `"schema":1,"schema":1`, 1),
		"a long text":        whole + strings.Repeat(" ", maxKeyText),
	} {
		key, err := ParseEnvironmentKey([]byte(text))
		if err == nil {
			t.Errorf("%s: ParseEnvironmentKey = %+v, want an error", name, key)
		} else if strings.Contains(err.Error(), secret[1:10]) {
			t.Errorf("%s: the error %q tells the secret", name, err)
		}
	}
}
