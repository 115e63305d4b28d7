// Package acl reads access lists of Windows, and finds files of Regent that are too open.
//
// List says who has which right. FileExposures and PipeExposures compare the files and
// the pipe of an installation with the lists in platform/layout. They change nothing.
package acl
