package gate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/authorization-fabric/fabric/handler/gate"
)

// standIn plays the service: it cuts the amount and allows.
func standIn() *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/authorize", func(w http.ResponseWriter, r *http.Request) {
		var call struct{ CorrelationID string }
		_ = json.NewDecoder(r.Body).Decode(&call)
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, strings.ReplaceAll(answerBody("ALLOW", true, ""), `"c-1"`, `"`+call.CorrelationID+`"`))
	})
	mux.HandleFunc("POST /api/decisions/{id}/outcome", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("reported for", r.PathValue("id"))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprint(w, `{}`)
	})
	return httptest.NewServer(mux)
}

// An agent asks before it acts, and acts with the parameters it gets back.
func ExampleClient_Run() {
	server := standIn()
	defer server.Close()

	client, err := gate.New(server.URL, gate.Options{
		Token:   func(context.Context) (string, error) { return "…", nil }, // of your identity platform
		Waiting: func(a gate.Answer) { fmt.Println(a.UserMessage) },        // shown while people decide
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	call := gate.Call{
		AgentID: "finance-agent", UserUPN: "ana@contoso.com", Action: "CreatePO", Resource: gate.Resource{ID: "PO-1001"},
		Parameters: map[string]any{"amount": 70000},
	}
	_, err = client.Run(context.Background(), call, func(_ context.Context, p gate.Permit) error {
		var order struct {
			Amount int `json:"amount"`
		}
		if err := p.Into(&order); err != nil {
			return err
		}
		fmt.Println("ordering for", order.Amount)
		return nil
	})
	fmt.Println("error:", err)
	// Output:
	// ordering for 50000
	// reported for 01JD0000000000000000000000
	// error: <nil>
}

// A tool that speaks HTTP runs what it was granted, once. The memory is that of
// this process: several processes share a [gate.Uses] of their own making.
func ExampleChecker_Check() {
	fabric := newIssuer() // stands for the service
	keyServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(fabric.document)
	}))
	defer keyServer.Close()

	keys, err := gate.FetchKeys(keyServer.URL+gate.KeysPath, gate.FetchOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	checker, err := gate.NewChecker(keys, gate.Expect{
		Issuer: "https://fabric.example", Audience: "api://purchasing",
		Now: func() time.Time { return noon }, // left out outside examples
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	tool := http.NewServeMux()
	tool.HandleFunc("POST /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		var order struct {
			Amount   string `json:"amount"`
			Currency string `json:"currency"`
		}
		token, err := gate.FromRequest(r)
		if err == nil {
			err = json.NewDecoder(r.Body).Decode(&order)
		}
		if err == nil {
			// What will be run, not what the request says of it.
			_, err = checker.Check(r.Context(), token, gate.ToolCall{
				Action: "CreatePO", ResourceType: "PurchaseOrder", ResourceID: r.PathValue("id"), Parameters: order,
			})
		}
		if err != nil {
			http.Error(w, "not granted", http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, "ordered for ", order.Amount, " ", order.Currency)
	})
	server := httptest.NewServer(tool)
	defer server.Close()

	token := fabric.grant("01JD0000000000000000000000")
	for _, body := range []string{`{"amount":"70000.01","currency":"EUR"}`, `{"amount":"70000.00","currency":"EUR"}`, `{"amount":"70000.00","currency":"EUR"}`} {
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, server.URL+"/orders/PO-1001", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set(gate.Header, token)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(response.StatusCode)
		_ = response.Body.Close()
	}
	// Output:
	// 403
	// 200
	// 403
}
