package blobserver

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// listing is a page of names as the service writes it.
type listing struct {
	XMLName    xml.Name `xml:"EnumerationResults"`
	Endpoint   string   `xml:"ServiceEndpoint,attr"`
	Container  string   `xml:"ContainerName,attr"`
	Prefix     string   `xml:"Prefix,omitempty"`
	Marker     string   `xml:"Marker,omitempty"`
	Blobs      []listed `xml:"Blobs>Blob"`
	NextMarker string   `xml:"NextMarker"`
}

type listed struct {
	Name       string `xml:"Name"`
	Properties struct {
		Modified string `xml:"Last-Modified"`
		ETag     string `xml:"Etag"`
		Length   int    `xml:"Content-Length"`
		Type     string `xml:"BlobType"`
	} `xml:"Properties"`
}

// list is a page of the names with a prefix, in order, behind the marker.
func (s *Server) list(q *request, c *container) answer {
	page := s.options.Page
	if n, err := strconv.Atoi(q.query.Get("maxresults")); err == nil && n > 0 {
		page = min(page, n)
	}
	l := listing{Endpoint: s.URL, Container: q.container, Prefix: q.query.Get("prefix"), Marker: q.query.Get("marker")}
	for _, name := range slices.Sorted(maps.Keys(c.blobs)) {
		if !strings.HasPrefix(name, l.Prefix) || name <= l.Marker {
			continue
		}
		if len(l.Blobs) == page {
			l.NextMarker = l.Blobs[page-1].Name
			break
		}
		l.Blobs = append(l.Blobs, describe(name, c.blobs[name]))
	}
	body, err := xml.Marshal(l)
	if err != nil {
		return refuse(http.StatusInternalServerError, "InternalError")
	}
	a := respond(http.StatusOK)
	a.header.Set("Content-Type", "application/xml")
	a.body = append([]byte(xml.Header), body...)
	return a
}

func describe(name string, b *blob) (l listed) {
	l.Name = name
	l.Properties.Modified = b.modified.UTC().Format(http.TimeFormat)
	l.Properties.ETag = strings.Trim(b.etag, `"`)
	l.Properties.Length = len(b.data)
	l.Properties.Type = b.kind
	return l
}
