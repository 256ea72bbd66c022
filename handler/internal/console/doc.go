// Package console is the pages for people: approvers decide here, auditors look
// up why, and makers try calls out.
//
// Pages are rendered on the server from templates that escape by context, with
// one style sheet and no script. Four rules hold everywhere:
//
//   - GET and HEAD change nothing; whatever follows a link may be a mail
//     scanner.
//   - A POST is looked at only after its form token was checked, which is bound
//     to the session, the person, the approval and the purpose.
//   - What a person may see is decided by the use cases, and what is not theirs
//     is answered as what does not exist.
//   - No error shows more of itself than a sentence of ours.
//
// Texts that callers, agents or people wrote come out as visible text: in a
// text node, with what cannot be seen written as an escape.
package console
