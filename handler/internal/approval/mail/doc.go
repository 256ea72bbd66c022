// Package mail renders the messages that tell people of an approval: subject,
// plain text and HTML, the two bodies with the same facts in the same order.
//
// A mail holds no authority. Its one link leads to the page where the reader
// signs in; it carries no token, and nothing happens by opening it. What a
// caller or a model wrote is text: it is escaped, it stands in its own cell or
// box, and it is written so that a mail program makes no link of it. In HTML
// the dots, colons, slashes and at signs inside it are elements of their own;
// in the plain text, which has no elements, [.] and [:] stand for them where a
// link would begin.
package mail
