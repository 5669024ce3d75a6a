// Package freshen brings the fields of a stored answer up to date: from a 304 (RFC 9111, sections 3.2 and 4.3.4), and from
// the answer to a HEAD (section 4.3.5). The body stays.
//
//	if !freshen.Selects(stored, notModified) { ... }   // it speaks of another representation: fetch the whole
//	header := freshen.ByNotModified(stored, notModified, received)
//
// What comes out is a header like that of a new answer: read its directives, compute its terms and ask package storable
// once more, as the handler may have said no-store or private by now.
package freshen
