// Package graph reads the members of groups from Microsoft Graph, for the
// snapshot in the bindings. The identity needs the application permission
// GroupMember.Read.All, and User.ReadBasic.All for the names of the members.
package graph
