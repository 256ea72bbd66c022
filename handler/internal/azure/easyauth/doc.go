// Package easyauth says who is calling a program behind App Service Easy Auth.
//
// Easy Auth is not believed by itself: bearer tokens, and the ID tokens of
// people at the console, are checked here against the keys that Entra ID
// publishes. What Easy Auth says of a caller in X-MS-CLIENT-PRINCIPAL can
// only contradict the token, never add to it: with Easy Auth off, or on a path
// that it lets pass, anybody can write that header.
package easyauth
