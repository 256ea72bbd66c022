// Package grant signs and checks what the program vouches for.
//
// A grant is a short-lived JWT by which a tool sees, without asking anybody,
// that exactly this call was allowed: which agent, which action on which
// resource, with which parameters. [Issuer] makes grants out of [Facts] through
// a [Signer] that holds the keys; [Verify] checks them against public [Keys] and
// believes nothing that a token says about itself.
//
// A grant says nothing about how often it was used: whoever runs calls on its
// word must remember its id until it ends.
//
// The package also holds the environment key, under which request digests,
// slots of approvals and hashed masks are made.
package grant
