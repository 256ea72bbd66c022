package openapi_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/pb33f/libopenapi"

	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi/openapi"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// sampleTable has an operation of every sort.
func sampleTable() []httpapi.Operation {
	return []httpapi.Operation{
		{
			Method: http.MethodPost, Path: "/api/authorize", ID: "authorize", Summary: "Decide one call",
			Access: httpapi.Access{Roles: []string{identity.RoleAuthorize}}, Request: "AuthorizeRequest", Answer: "Answer",
			Query:  []httpapi.Parameter{{Name: "trace", Meaning: "1: with a trace"}},
			Header: []httpapi.Parameter{{Name: "Idempotency-Key", Meaning: "makes a repetition safe"}},
		},
		{Method: http.MethodGet, Path: "/api/whoami", ID: "whoami", Summary: "Who am I", Answer: "Whoami"},
		{Method: http.MethodGet, Path: "/api/things/{id}/parts/{part}", ID: "part", Summary: "A part", Refuses: []int{404}},
		{Method: http.MethodDelete, Path: "/api/things/{id}/parts/{part}", ID: "dropPart", Summary: "No part", Status: 204},
		{
			Method: http.MethodGet, Path: "/api/health/ready", ID: "ready", Summary: "Ready", Access: httpapi.Access{Public: true}, Answer: "Ready",
			Also: []int{503},
		},
		{Method: http.MethodGet, Path: "/api/health/live", ID: "live", Summary: "Alive", Access: httpapi.Access{Public: true}, Answer: "Live"},
	}
}

func TestTheDocumentIsOpenAPI31(t *testing.T) {
	text, err := openapi.Document("1.2.3", "http://127.0.0.1:7071", sampleTable())
	if err != nil {
		t.Fatal(err)
	}
	document, err := libopenapi.NewDocument(text)
	if err != nil {
		t.Fatalf("NewDocument() = %v", err)
	}
	model, err := document.BuildV3Model()
	if err != nil {
		t.Fatalf("BuildV3Model() = %v", err)
	}
	if document.GetVersion() != "3.1.0" || model.Model.Info.Version != "1.2.3" {
		t.Errorf("versions %q, %q, want 3.1.0, 1.2.3", document.GetVersion(), model.Model.Info.Version)
	}
	post := model.Model.Paths.PathItems.GetOrZero("/api/authorize").Post
	for _, status := range []string{"200", "400", "401", "403", "413", "415", "429", "503"} {
		if post.Responses.Codes.GetOrZero(status) == nil {
			t.Errorf("POST /api/authorize: no answer %s", status)
		}
	}
	if post.RequestBody == nil || len(post.Parameters) != 2 || len(post.Security) != 1 {
		t.Errorf("POST /api/authorize: body %v, %d parameters, %d security", post.RequestBody, len(post.Parameters), len(post.Security))
	}
	part := model.Model.Paths.PathItems.GetOrZero("/api/things/{id}/parts/{part}")
	if len(part.Get.Parameters) != 2 || !*part.Get.Parameters[1].Required || part.Delete.Responses.Codes.GetOrZero("204") == nil {
		t.Errorf("path parameters %v", part.Get.Parameters)
	}
	ready := model.Model.Paths.PathItems.GetOrZero("/api/health/ready").Get.Responses.Codes.GetOrZero("503")
	if ready == nil || ready.Content.GetOrZero("application/json").Schema.GetReference() != "#/components/schemas/Ready" {
		t.Errorf("GET /api/health/ready: 503 is %v, want a Ready", ready)
	}
	for name, schema := range model.Model.Components.Schemas.FromOldest() {
		if _, err := schema.BuildSchema(); err != nil {
			t.Errorf("schema %s: %v", name, err)
		}
	}
}

func TestTheDocumentIsDeterministic(t *testing.T) {
	first, err := openapi.Document("1", "http://x", sampleTable())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if again, _ := openapi.Document("1", "http://x", sampleTable()); !bytes.Equal(again, first) {
			t.Fatal("openapi.Document() of the same table differs")
		}
	}
}

func TestAnUnknownSchemaIsRefused(t *testing.T) {
	if _, err := openapi.Document("1", "http://x", []httpapi.Operation{{Method: "GET", Path: "/", Answer: "Nothing"}}); err == nil {
		t.Error("openapi.Document(unknown schema) = nil, want an error")
	}
}
