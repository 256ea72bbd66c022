package cosmos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/azure"
	"github.com/authorization-fabric/fabric/handler/internal/azure/azuretest/cosmosserver"
	"github.com/authorization-fabric/fabric/handler/internal/catalog"
	"github.com/authorization-fabric/fabric/handler/internal/storetest"
)

// mails counts what was accepted, by recipient and nonce.
type mails struct {
	mu   sync.Mutex
	sent map[string]int // guarded by mu
}

// Notify implements [approval.Notifier].
func (m *mails) Notify(_ context.Context, msg approval.Message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent[fmt.Sprint(msg.Kind, " ", msg.Approval.ID, " ", msg.Recipient)]++
	return nil
}

// Two instances sweep one database at once: every message is sent, and none of
// them twice, although answers of Cosmos get lost.
func TestTwoInstancesSendEachMessageOnce(t *testing.T) {
	_, s := stubbed(t)
	sent := &mails{sent: map[string]int{}}
	var log storetest.EventLog
	var services [2]*approval.Service
	for i := range services {
		store := another(t, s, Options{CallTimeout: time.Second}).Approvals()
		services[i] = approval.New(store, approval.Keys{Current: storetest.Key}, &log, nil, approval.Options{Notifier: sent, OpenPerUser: 100})
	}
	const orders = 10
	for i := range orders {
		order := storetest.Order(fmt.Sprint(i))
		order.Requirements[0].Notify = []string{"mailto:mia@contoso.com", "mailto:omar@contoso.com"}
		if _, _, err := services[0].Open(t.Context(), order, storetest.Noon); err != nil {
			t.Fatal(err)
		}
	}
	var mu sync.Mutex
	writes := 0
	s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
		mu.Lock()
		defer mu.Unlock()
		if writes++; c.Write() && writes%7 == 0 {
			return cosmosserver.Fault{Reset: true}
		}
		return cosmosserver.Fault{}
	})
	for round := range 3 {
		var all sync.WaitGroup
		for _, service := range services {
			all.Go(func() {
				now := storetest.Noon.Add(time.Duration(round) * 3 * time.Minute)
				_, _ = service.Sweep(t.Context(), func() time.Time { return now })
			})
		}
		all.Wait()
	}
	if len(sent.sent) == 0 {
		t.Fatal("nothing was sent")
	}
	if len(sent.sent) != 2*orders {
		t.Errorf("%d messages were sent, want %d", len(sent.sent), 2*orders)
	}
	for message, n := range sent.sent {
		if n != 1 {
			t.Errorf("%s was sent %d times, want once", message, n)
		}
	}
}

// What one instance publishes another one reads, and of two that publish over
// one revision one learns that it came second.
func TestTwoInstancesPublish(t *testing.T) {
	d, s := stubbed(t)
	first, second := d.Catalog(), another(t, s, Options{}).Catalog()
	m := catalog.Manifest{Schema: catalog.Schema, Environment: "dev", Epoch: 1}
	was, err := first.PutManifest(t.Context(), m, "")
	if err != nil {
		t.Fatal(err)
	}
	if got, revision, err := second.Manifest(t.Context(), "dev", ""); err != nil || revision != was || got.Epoch != 1 {
		t.Errorf("Manifest in the other instance = epoch %d at %q, %v", got.Epoch, revision, err)
	}
	m.Epoch = 2
	if _, err := first.PutManifest(t.Context(), m, was); err != nil {
		t.Fatal(err)
	}
	if _, err := second.PutManifest(t.Context(), m, was); !errors.Is(err, catalog.ErrConflict) {
		t.Errorf("PutManifest of the one that came second = %v, want ErrConflict", err)
	}
}

// A crash between document and version leaves nothing that a second try does
// not finish.
func TestPublishingAgainAfterAFault(t *testing.T) {
	text := []byte(`{"pack":"p"}`)
	doc := catalog.Published{Environment: "dev", Pack: "p", Version: 1, Hash: catalog.Hash(text), Text: text}
	for n := range 2 {
		for _, f := range []cosmosserver.Fault{{Reset: true}, {Effect: cosmosserver.Never, Reset: true}, {Effect: cosmosserver.Later, Reset: true}} {
			d, s := stubbed(t)
			creates := 0
			s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
				if c.Operation == cosmosserver.Create {
					if creates++; creates == n+1 {
						return f
					}
				}
				return cosmosserver.Fault{}
			})
			if err := d.Catalog().PutDocument(t.Context(), doc); !errors.Is(err, catalog.ErrUnclear) {
				t.Errorf("PutDocument with a fault = %v, want ErrUnclear", err)
			}
			if err := d.Catalog().PutDocument(t.Context(), doc); err != nil {
				t.Errorf("PutDocument again = %v", err)
			}
			s.Land()
			if got, err := d.Catalog().Document(t.Context(), doc.Hash); err != nil || string(got) != string(text) {
				t.Errorf("Document = %q, %v", got, err)
			}
		}
	}
}

// T39: what somebody else writes under a document's hash is not served.
func TestForeignDocumentsAreRefused(t *testing.T) {
	d, _ := stubbed(t)
	hash := catalog.Hash([]byte("{}"))
	foreign := documentItem{ID: documentID, PK: hash, Type: documentType, Size: 7, Packed: pack([]byte("foreign"))}
	if err := (published{d}).create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	if text, err := d.Catalog().Document(t.Context(), hash); err == nil || errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Document = %q, %v, want an error", text, err)
	}
}

// A document that packs badly is split, and whole again when it is read.
func TestLongDocuments(t *testing.T) {
	d, s := stubbed(t)
	text := make([]byte, 3<<20)
	seed := uint64(1)
	for i := range text {
		seed = seed*6364136223846793005 + 1442695040888963407
		text[i] = byte(seed >> 56)
	}
	doc := catalog.Published{Environment: "dev", Pack: "p", Version: 1, Hash: catalog.Hash(text), Text: text}
	if err := d.Catalog().PutDocument(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
	got, err := d.Catalog().Document(t.Context(), doc.Hash)
	if err != nil || catalog.Hash(got) != doc.Hash {
		t.Errorf("Document = %d bytes, %v", len(got), err)
	}
	s.Script(func(c cosmosserver.Call) cosmosserver.Fault {
		if c.Operation == cosmosserver.Read && c.ID != documentID {
			return cosmosserver.Fault{Effect: cosmosserver.Never, Status: 404, Substatus: "0"}
		}
		return cosmosserver.Fault{}
	})
	if _, err := d.Catalog().Document(t.Context(), doc.Hash); err == nil || errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("Document without one of its parts = %v, want an error that it is damaged", err)
	}
}

// The token of the program's identity is what the account sees.
func TestTheIdentitySignsIn(t *testing.T) {
	signed := errors.New("no token of ours")
	s := cosmosserver.New(t, cosmosserver.Options{Authorize: func(r *http.Request) error {
		if r.Header.Get("Authorization") == "type=aad&ver=1.0&sig=ours" {
			return nil
		}
		return signed
	}})
	s.Make("fabric", catalogContainer, approvalsContainer)
	for token, want := range map[string]error{"ours": approval.ErrNotFound, "theirs": nil} {
		d, err := Open(s.URL, "fabric", tokenOf(token), Options{CallTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(d.Close)
		_, err = d.Approvals().Get(t.Context(), "t", "s")
		wantKind(t, "Get with "+token, err, want)
	}
}

// LIVE_AZURE=1 runs histories and single use against a real account: its
// endpoint and a database for tests in FABRIC_LIVE_COSMOS_ENDPOINT and
// FABRIC_LIVE_COSMOS_DATABASE, with the containers catalog and approvals and
// the role Cosmos DB Built-in Data Contributor for whoever is signed in. The
// contract suites are not run there: each of their tests wants empty
// containers, which that role cannot make.
func TestLive(t *testing.T) {
	if os.Getenv("LIVE_AZURE") != "1" {
		t.Skip("no real account: set LIVE_AZURE=1, FABRIC_LIVE_COSMOS_ENDPOINT and FABRIC_LIVE_COSMOS_DATABASE")
	}
	credential, err := azure.NewCredential(false, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := Open(os.Getenv("FABRIC_LIVE_COSMOS_ENDPOINT"), os.Getenv("FABRIC_LIVE_COSMOS_DATABASE"), credential, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	state, err := d.State(t.Context())
	if err != nil {
		t.Fatalf("State = %+v, %v", state, err)
	}
	t.Logf("State = %+v", state)
	storetest.ApprovalHistories(t, d.Approvals(), *historyCount, firstSeed())
	storetest.ApprovalSingleUse(t, d.Approvals(), fmt.Sprint("run-", firstSeed()))
}

// tokenOf is a credential with that token.
type tokenOf string

// GetToken implements [azcore.TokenCredential].
func (t tokenOf) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now().Add(time.Hour)}, nil
}
