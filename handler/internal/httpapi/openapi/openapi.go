// Package openapi writes the OpenAPI 3.1 document of the route table, from
// which clients are generated. It is apart from the handlers because nothing
// of it runs while a request is served.
package openapi

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
)

// schemas are the bodies of the contract, as OpenAPI's components.schemas.
//
//go:embed schemas.json
var schemas []byte

type object = map[string]any

// Document is the document of a route table. Server is the public address of
// the service. Equal tables give equal bytes.
func Document(version, server string, table []httpapi.Operation) ([]byte, error) {
	var components object
	if err := json.Unmarshal(schemas, &components); err != nil {
		return nil, fmt.Errorf("read the schemas: %w", err)
	}
	paths := map[string]object{}
	for _, o := range table {
		for _, name := range []string{o.Request, o.Answer} {
			if _, known := components[name]; name != "" && !known {
				return nil, fmt.Errorf("%s %s: no schema %s", o.Method, o.Path, name)
			}
		}
		if paths[o.Path] == nil {
			paths[o.Path] = object{}
		}
		paths[o.Path][strings.ToLower(o.Method)] = operation(o)
	}
	return json.Marshal(object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Authorization Fabric", "version": version,
			"description": "Decides what agents may do, before they do it. Only an answer with execute true lets a call run.",
		},
		"servers": []object{{"url": server}},
		"paths":   paths,
		"components": object{
			"schemas":         components,
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
		},
	})
}

func operation(o httpapi.Operation) object {
	op := object{"operationId": o.ID, "summary": o.Summary, "responses": responses(o)}
	if o.Access.Public {
		op["security"] = []object{}
	} else {
		op["security"] = []object{{"bearer": []string{}}}
	}
	if len(o.Access.Roles) > 0 {
		op["description"] = "Demands the app role " + strings.Join(o.Access.Roles, " or ") + "."
	}
	if parameters := parametersOf(o); len(parameters) > 0 {
		op["parameters"] = parameters
	}
	if o.Request != "" {
		op["requestBody"] = object{"required": !o.BodyOptional, "content": content("application/json", o.Request)}
	}
	return op
}

func parametersOf(o httpapi.Operation) []object {
	var list []object
	for _, part := range strings.Split(o.Path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			list = append(list, object{
				"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string"},
			})
		}
	}
	for in, parameters := range map[string][]httpapi.Parameter{"query": o.Query, "header": o.Header} {
		for _, p := range parameters {
			list = append(list, object{"name": p.Name, "in": in, "description": p.Meaning, "schema": object{"type": "string"}})
		}
	}
	slices.SortStableFunc(list, func(a, b object) int {
		return strings.Compare(b["in"].(string), a["in"].(string)) // query, path, header
	})
	return list
}

// responses are the answer and every problem that can come instead.
func responses(o httpapi.Operation) object {
	status := o.Status
	if status == 0 {
		status = http.StatusOK
	}
	all := object{}
	for _, status := range append([]int{status}, o.Also...) {
		good := object{"description": http.StatusText(status)}
		if o.Answer != "" {
			good["content"] = content("application/json", o.Answer)
		}
		all[strconv.Itoa(status)] = good
	}
	for _, kind := range httpapi.Kinds() {
		if slices.Contains(problemStatuses(o), kind.Status) && !slices.Contains(o.Also, kind.Status) {
			both := content("application/json", "Problem")
			both["application/problem+json"] = both["application/json"]
			all[strconv.Itoa(kind.Status)] = object{"description": kind.Title, "content": both}
		}
	}
	return all
}

func problemStatuses(o httpapi.Operation) []int {
	list := slices.Clone(o.Refuses)
	if !o.Access.Public {
		list = append(list, http.StatusUnauthorized, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	}
	if len(o.Access.Roles) > 0 {
		list = append(list, http.StatusForbidden)
	}
	if o.Request != "" {
		list = append(list, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	return list
}

func content(mediaType, schema string) object {
	return object{mediaType: object{"schema": object{"$ref": "#/components/schemas/" + schema}}}
}
