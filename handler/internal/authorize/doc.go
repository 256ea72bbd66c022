// Package authorize is the use case: who and what go in, one decision comes
// out, and it is in the audit log before it is returned. Every door of the
// program calls [Service.Decide] and nothing else.
package authorize
