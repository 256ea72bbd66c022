// Package entra is a stand-in of Microsoft Entra ID for tests: an OIDC issuer
// with discovery, published keys and their rotation, tokens of persons and
// applications in versions 1 and 2, a managed-identity endpoint as App Service
// has it, and what Easy Auth puts in front of a program. It can answer wrongly
// in the ways that matter.
//
// What it cannot show: consent, conditional access, real certificates, what
// Entra puts into a tenant's tokens beside the claims it documents, and how
// Easy Auth names claims that its documentation does not list.
package entra
