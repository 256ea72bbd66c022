// Package azure holds what the adapters below it share: credentials and the
// transport of their clients. Only the packages under it import an Azure SDK or
// know an Azure header; each implements what a use case declares.
package azure
