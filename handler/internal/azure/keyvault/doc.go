// Package keyvault signs with a key that never leaves Azure Key Vault, and
// reads the environment key that is kept there as a secret.
//
// The key is on P-256, and its versions take turns. All instances compute from
// the versions alone which one signs at an instant, so that they agree without
// talking: a new version is published at once and signs once whoever keeps the
// published keys has had time to fetch them again; the one before stays
// published until its last grant is out. Where nothing else can sign, because
// the version before is disabled or has expired, a new one signs at once. To
// disable a version takes it back: it is neither used nor published.
//
// Public keys are served from memory. With the vault gone nothing new is
// signed, and what was signed is verified as before.
//
// A vault admits 4,000 signatures on P-256 in 10 seconds (2,000 with an HSM);
// beyond that it answers 429, and there is no grant. The identity needs the
// role Key Vault Crypto User for the key, and Key Vault Secrets User for the
// secret.
package keyvault
