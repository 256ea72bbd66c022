package entra

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Key is one of an issuer's. Its zero fields are a key of 2048 bits that may do
// anything, in every tenant's document, without an issuer of its own.
type Key struct {
	ID      string // "" publishes it without kid
	Use     string // "" publishes it without use
	Alg     string
	Bits    int      // 0: 2048
	EC      bool     // P-256 instead of RSA
	Issuer  string   // {tenantid} is a template; "" publishes it without issuer
	Tenants []string // in whose documents it stands; nil: in all

	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

// Add publishes a key.
func (i *Issuer) Add(k Key) {
	if k.Bits == 0 {
		k.Bits = 2048
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if k.EC {
		k.ec = mustEC()
	} else {
		k.rsa = pool.key(k.Bits, len(i.keys))
	}
	i.keys = append(i.keys, k)
}

// Withdraw publishes a key no longer. Tokens can still be signed with it.
func (i *Issuer) Withdraw(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range i.keys {
		if i.keys[n].ID == id {
			i.keys[n].Tenants = []string{}
		}
	}
}

// SignWith has tokens signed with that key from now on.
func (i *Issuer) SignWith(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signing = id
}

// Rotate publishes a new key and signs with it. The old ones stay published.
func (i *Issuer) Rotate() string {
	i.mu.Lock()
	id := "k" + strconv.Itoa(len(i.keys)+1)
	i.mu.Unlock()
	i.Add(Key{ID: id, Use: "sig"})
	i.SignWith(id)
	return id
}

func (i *Issuer) key(id string) (Key, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range slices.Backward(i.keys) {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

func (i *Issuer) keySet(w http.ResponseWriter, r *http.Request) {
	tenant := r.PathValue("tenant")
	if !i.serves(tenant) {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_tenant"})
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	list := []any{}
	for _, k := range i.keys {
		if k.Tenants == nil || slices.Contains(k.Tenants, tenant) {
			list = append(list, k.published(tenant))
		}
	}
	answer(w, http.StatusOK, map[string]any{"keys": list})
}

// published is the key as Entra writes it, certificate aside.
func (k *Key) published(tenant string) map[string]any {
	out := map[string]any{"x5t": k.ID, "x5c": []string{"MIIC" + k.ID}, "cloud_instance_name": "microsoftonline.com"}
	for name, value := range map[string]string{
		"kid": k.ID, "use": k.Use, "alg": k.Alg, "issuer": strings.ReplaceAll(k.Issuer, "{self}", tenant),
	} {
		if value != "" {
			out[name] = value
		}
	}
	if k.EC {
		point, err := k.ec.PublicKey.Bytes()
		if err != nil {
			panic(err)
		}
		out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", encode(point[1:33]), encode(point[33:])
		return out
	}
	out["kty"], out["n"], out["e"] = "RSA", encode(k.rsa.N.Bytes()), encode(big.NewInt(int64(k.rsa.E)).Bytes())
	return out
}

// sign makes the JWT of exactly these texts, whatever they are. An EC key
// signs as RS256 would not: its tokens are for being refused.
func (k *Key) sign(header, claims string) string {
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if k.EC {
		signature, err = ecdsa.SignASN1(rand.Reader, k.ec, sum[:])
	} else {
		signature, err = rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, sum[:])
	}
	if err != nil {
		panic(fmt.Sprintf("entra: sign: %v", err))
	}
	return text + "." + encode(signature)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func mustEC() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// pool keeps RSA keys for the whole test binary: making them is slow.
var pool keyPool

type keyPool struct {
	mu   sync.Mutex
	keys map[[2]int]*rsa.PrivateKey // guarded by mu
}

func (p *keyPool) key(bits, n int) *rsa.PrivateKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := [2]int{bits, n}
	if p.keys[at] == nil {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		if p.keys == nil {
			p.keys = map[[2]int]*rsa.PrivateKey{}
		}
		p.keys[at] = key
	}
	return p.keys[at]
}
