// Package cosmos keeps approvals and the catalog in a Cosmos DB database (API
// for NoSQL), behind the contracts of packages approval and catalog.
//
// The account, the database and two containers are made by the deployment:
// data-plane roles cannot make them.
//
//	catalog    partition key /pk
//	  pk environment   id manifest           the newest manifest
//	                   id pack.NAME.VERSION  which document a version is
//	  pk hash          id document, part-N   an immutable document
//	approvals  partition key /pk, default time to live -1 (on, none by default)
//	  pk tenant        id of the slot        one record
//
// Queries read the paths /pk, /type, /pack, /place, /keys, /closes, /due,
// /agent and /user; everything else need not be indexed.
//
// What the safety rests on:
//   - A write is conditional: a create fails where something is, a replacement
//     where the ETag is another. ETags compare per region, so an account with
//     several write regions is refused ([ErrMultiWrite]), before anything is
//     read or written there and whenever the account is read again.
//   - What is unclear stays unclear: a write that was not answered, and a read
//     that says "not found" for want of a session (404, sub-status 1002), are
//     never taken for an absent record.
//   - A read sends the newest session token that this process has of the
//     partition, so that it sees what this process wrote. What another process
//     wrote may be seen later on an account with session consistency; a write
//     based on an older state fails.
//   - Every call has a deadline, whatever its context says; the SDK would
//     otherwise try some for two minutes.
package cosmos
