// Package grant holds the keys behind what the program vouches for. So far
// that is the environment key, under which request digests, slots of approvals
// and hashed masks are made; grants and their signing keys come with their use.
package grant
