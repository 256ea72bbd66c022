// Package graph is a stand-in for Microsoft Graph in tests: groups and their
// members in pages, with the faults that a directory may have.
package graph
