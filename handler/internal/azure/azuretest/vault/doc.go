// Package vault is a stand-in for Azure Key Vault in tests: keys with
// versions, signatures and secrets over TLS, with the challenge that the real
// one gives and the faults it may have. It holds private keys in memory, as
// the real one never would.
package vault
