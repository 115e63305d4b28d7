// Package acl reads the access lists of Windows into what can be decided about:
// who has which right. It must not decide whose rights are good.
package acl
