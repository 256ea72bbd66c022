// Package logicapp is a stand-in for the request trigger of a Logic App in
// tests: it demands the token, keeps the messages that it was sent and fails
// as the test wants.
package logicapp
