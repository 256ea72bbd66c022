package cosmosserver

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// request is an HTTP request taken apart.
type request struct {
	*http.Request
	Call

	database string
	body     []byte
	key      bool // it came with a partition key
}

// parse says what is asked for, or what the service answers to it.
func (q *request) parse() *answer {
	if q.Header.Get("X-Ms-Version") == "" || q.Header.Get("X-Ms-Date") == "" {
		return refusal(http.StatusBadRequest, "", "x-ms-version and x-ms-date are required")
	}
	q.Session = q.Header.Get("X-Ms-Session-Token")
	segments := strings.Split(strings.Trim(q.URL.EscapedPath(), "/"), "/")
	for i := range segments {
		plain, err := url.PathUnescape(segments[i])
		if err != nil {
			return refusal(http.StatusBadRequest, "", "no path")
		}
		segments[i] = plain
	}
	if !q.route(segments) {
		return refusal(http.StatusBadRequest, "", "this account does not do that")
	}
	return q.parsePartition()
}

func (q *request) route(segments []string) bool {
	if len(segments) == 1 && segments[0] == "" && q.Method == http.MethodGet {
		q.Operation = ReadAccount
		return true
	}
	if len(segments) < 4 || segments[0] != "dbs" || segments[2] != "colls" {
		return false
	}
	q.database, q.Container = segments[1], segments[3]
	switch rest := segments[4:]; {
	case len(rest) == 0 && q.Method == http.MethodGet:
		q.Operation = ReadContainer
	case len(rest) == 2 && rest[0] == "docs" && q.Method == http.MethodGet:
		q.Operation, q.ID = Read, rest[1]
	case len(rest) == 2 && rest[0] == "docs" && q.Method == http.MethodPut:
		q.Operation, q.ID = Replace, rest[1]
	case len(rest) == 1 && rest[0] == "docs" && q.Method == http.MethodPost:
		return q.post()
	default:
		return false
	}
	return true
}

func (q *request) post() bool {
	if strings.EqualFold(q.Header.Get("X-Ms-Documentdb-Query"), "true") {
		var text struct {
			Query string `json:"query"`
		}
		q.Operation = Query
		err := json.Unmarshal(q.body, &text)
		q.Query = text.Query
		return err == nil && q.Header.Get("Content-Type") == "application/query+json"
	}
	var item struct {
		ID string `json:"id"`
	}
	q.Operation = Create
	err := json.Unmarshal(q.body, &item)
	q.ID = item.ID
	return err == nil && q.Header.Get("X-Ms-Documentdb-Is-Upsert") == ""
}

// parsePartition reads the partition key, which everything about one item must
// come with.
func (q *request) parsePartition() *answer {
	text := q.Header.Get("X-Ms-Documentdb-Partitionkey")
	if text != "" {
		var key []string
		if err := json.Unmarshal([]byte(text), &key); err != nil || len(key) != 1 {
			return refusal(http.StatusBadRequest, "", "no partition key of this container")
		}
		q.Partition, q.key = key[0], true
	}
	switch q.Operation {
	case Read, Create, Replace:
		if !q.key {
			return refusal(http.StatusBadRequest, "", "PartitionKey value must be supplied for this operation.")
		}
	case Query:
		if !q.key && !strings.EqualFold(q.Header.Get("X-Ms-Documentdb-Query-Enablecrosspartition"), "true") {
			return refusal(http.StatusBadRequest, "", "cross partition query is required but disabled")
		}
	case ReadAccount, ReadContainer:
	}
	return nil
}
