package vault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	coordinate = 32 // bytes
	maxBody    = 64 << 10
)

// object is a JSON object on its way out.
type object map[string]any

// request is what a path asks for.
type request struct {
	op            Op
	name, version string
}

// ServeHTTP answers as the REST API of Key Vault does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r) {
		return
	}
	asked := parse(r)
	s.mu.Lock()
	s.calls[asked.op]++
	fault := s.fault(asked.op)
	s.mu.Unlock()
	if fault.instead(s, w, r) {
		return
	}
	if r.URL.Query().Get("api-version") == "" {
		refuse(w, http.StatusBadRequest, "BadParameter", "api-version must be specified")
		return
	}
	s.mu.Lock()
	status, body := s.answer(asked, r, &fault)
	s.mu.Unlock()
	if fault.Lost {
		panic(http.ErrAbortHandler)
	}
	send(w, status, body)
}

// admit gives the challenge to whoever brings no token.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
		challenge := s.options.Challenge
		if challenge == "" {
			challenge = fmt.Sprintf(`Bearer authorization="https://login.microsoftonline.com/%s", resource="%s"`,
				"11111111-1111-1111-1111-111111111111", s.options.Resource)
		}
		w.Header().Set("WWW-Authenticate", challenge)
		refuse(w, http.StatusUnauthorized, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
		return false
	}
	if s.options.Authorize != nil {
		if err := s.options.Authorize(r); err != nil {
			refuse(w, http.StatusForbidden, "Forbidden", "Caller is not authorized to perform action on resource.")
			return false
		}
	}
	return true
}

func parse(r *http.Request) request {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	parts = append(parts, "", "", "")
	out := request{op: unknownOp, name: parts[1], version: parts[2]}
	switch {
	case r.Method == http.MethodPost && parts[0] == "keys" && parts[3] == "sign":
		out.op = Sign
	case r.Method != http.MethodGet:
	case parts[0] == "keys" && parts[2] == "versions":
		out.op = ListKey
	case parts[0] == "keys":
		out.op = GetKey
	case parts[0] == "secrets" && parts[2] == "versions":
		out.op = ListSecret
	case parts[0] == "secrets":
		out.op = GetSecret
	}
	return out
}

// answer does what was asked for. The caller holds s.mu.
func (s *Server) answer(asked request, r *http.Request, f *Fault) (int, object) {
	switch asked.op {
	case ListKey:
		return s.listKey(asked.name, r)
	case GetKey:
		if k := s.key(asked); k != nil {
			return http.StatusOK, s.keyBundle(asked.name, k)
		}
	case Sign:
		if k := s.key(asked); k != nil {
			return s.sign(asked.name, k, r, f)
		}
	case ListSecret:
		return s.listSecret(asked.name, r)
	case GetSecret:
		return s.getSecret(asked)
	default:
		return http.StatusBadRequest, failure("BadParameter", "no such method")
	}
	return http.StatusNotFound, failure("KeyNotFound", "A key with (name/id) "+asked.name+" was not found in this key vault.")
}

// key is the version asked for; "" asks for the newest.
func (s *Server) key(asked request) *Key {
	all := s.keys[asked.name]
	if asked.version == "" && len(all) > 0 {
		return all[len(all)-1]
	}
	for _, k := range all {
		if k.Version == asked.version {
			return k
		}
	}
	return nil
}

func (s *Server) sign(name string, k *Key, r *http.Request, f *Fault) (int, object) {
	var asked struct{ Alg, Value string }
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	digest, err2 := base64.RawURLEncoding.DecodeString(asked.Value)
	now := s.options.Clock()
	switch {
	case err != nil || err2 != nil || asked.Alg != "ES256" || len(digest) != coordinate:
		return http.StatusBadRequest, failure("BadParameter", "The request is not a digest and an algorithm of the key.")
	case !k.Enabled:
		return http.StatusForbidden, failure("Forbidden", "Operation sign is not allowed on a disabled key.")
	case now.Before(k.NotBefore) || !k.Expires.IsZero() && !now.Before(k.Expires):
		return http.StatusForbidden, failure("Forbidden", "Operation sign is not allowed on an expired or not yet valid key.")
	case !slices.Contains(k.Operations, "sign"):
		return http.StatusForbidden, failure("Forbidden", "Operation sign is not permitted on this key.")
	case k.private.Curve != elliptic.P256():
		return http.StatusBadRequest, failure("BadParameter", "Key and signing algorithm are incompatible.")
	}
	version := k.Version
	if f.OtherName {
		version = newVersion()
	}
	return http.StatusOK, object{"kid": s.id("keys", name, version), "value": encode(signature(k.private, digest, f))}
}

func signature(private *ecdsa.PrivateKey, digest []byte, f *Fault) []byte {
	if f.OtherKey {
		private, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // the generator does not fail
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, digest)
	if err != nil {
		panic(err) // never for a digest of the right length
	}
	n := elliptic.P256().Params().N
	if half := new(big.Int).Rsh(n, 1); f.HighS && s.Cmp(half) <= 0 {
		s.Sub(n, s)
	}
	out := make([]byte, 2*coordinate)
	r.FillBytes(out[:coordinate])
	s.FillBytes(out[coordinate:])
	if f.Short {
		return out[:len(out)-1]
	}
	return out
}

func (s *Server) keyBundle(name string, k *Key) object {
	key := object{"kid": s.id("keys", name, k.Version), "kty": k.Type, "crv": k.Curve, "key_ops": k.Operations}
	if point, err := k.private.PublicKey.Bytes(); err == nil {
		size := (len(point) - 1) / 2
		key["x"], key["y"] = encode(point[1:1+size]), encode(point[1+size:])
	}
	return object{"key": key, "attributes": attributes(k.Enabled, k.Created, k.NotBefore, k.Expires)}
}

func (s *Server) listKey(name string, r *http.Request) (int, object) {
	var items []object
	for _, k := range s.keys[name] {
		items = append(items, object{"kid": s.id("keys", name, k.Version), "attributes": attributes(k.Enabled, k.Created, k.NotBefore, k.Expires)})
	}
	return s.page(items, r)
}

func (s *Server) listSecret(name string, r *http.Request) (int, object) {
	var items []object
	for _, x := range s.secrets[name] {
		items = append(items, object{"id": s.id("secrets", name, x.Version), "attributes": attributes(x.Enabled, x.Created, time.Time{}, x.Expires)})
	}
	return s.page(items, r)
}

// page is a part of a list, and where the next one is.
func (s *Server) page(items []object, r *http.Request) (int, object) {
	from, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken")) // "" is the beginning
	from = min(max(from, 0), len(items))
	to := min(from+s.options.PageSize, len(items))
	out := object{"value": append([]object{}, items[from:to]...), "nextLink": nil}
	if to < len(items) {
		query := r.URL.Query()
		query.Set("$skiptoken", strconv.Itoa(to))
		out["nextLink"] = s.http.URL + r.URL.Path + "?" + query.Encode()
	}
	return http.StatusOK, out
}

func (s *Server) getSecret(asked request) (int, object) {
	all := s.secrets[asked.name]
	for i, x := range all {
		if x.Version != asked.version && (asked.version != "" || i < len(all)-1) {
			continue
		}
		if !x.Enabled {
			return http.StatusForbidden, failure("Forbidden", "Operation get is not allowed on a disabled secret.")
		}
		return http.StatusOK, object{
			"value": x.Value, "id": s.id("secrets", asked.name, x.Version),
			"attributes": attributes(x.Enabled, x.Created, time.Time{}, x.Expires),
		}
	}
	return http.StatusNotFound, failure("SecretNotFound", "A secret with (name/id) "+asked.name+" was not found in this key vault.")
}

func attributes(enabled bool, created, notBefore, expires time.Time) object {
	out := object{"enabled": enabled, "created": created.Unix(), "updated": created.Unix(), "recoveryLevel": "Recoverable+Purgeable"}
	if !notBefore.IsZero() {
		out["nbf"] = notBefore.Unix()
	}
	if !expires.IsZero() {
		out["exp"] = expires.Unix()
	}
	return out
}

func (s *Server) id(kind, name, version string) string {
	return s.http.URL + "/" + kind + "/" + name + "/" + version
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func failure(code, message string) object {
	return object{"error": object{"code": code, "message": message}}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	send(w, status, failure(code, message))
}

func send(w http.ResponseWriter, status int, body object) {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // never: strings, numbers and lists
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}
