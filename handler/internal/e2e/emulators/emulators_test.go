package emulators

import (
	"io"
	"net/http"
	"testing"
)

func answers(t *testing.T, client *http.Client, url string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatalf("GET %s = %v, want an answer", url, err)
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
}

func TestServersAnswer(t *testing.T) {
	t.Run("azurite", func(t *testing.T) { answers(t, http.DefaultClient, Azurite(t)+"?comp=list") })
	t.Run("cosmos", func(t *testing.T) {
		endpoint, client := Cosmos(t)
		answers(t, client, endpoint+"/")
		again, _ := Cosmos(t)
		if again != endpoint {
			t.Errorf("Cosmos = %s, then %s, want one server a process", endpoint, again)
		}
	})
}

// The certificate is the server's own: nobody else trusts it.
func TestCosmosCertificateIsNobodysElse(t *testing.T) {
	endpoint, _ := Cosmos(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, endpoint+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err == nil {
		_ = res.Body.Close()
		t.Error("a client that does not know the certificate was answered")
	}
}
